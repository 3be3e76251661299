"""A counter before it is sent: what came of its check, and the form as it was filled in."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.console.forms import written
from api.queries import visible
from api.wire.consortia import LineOut
from domain.actor import Actor
from domain.errors import NotFound
from domain.records import Job

PARTS = ("advance", "delivery", "acceptance", "retention")
"""The parts of a payment, as the form and the terms name them."""


async def checked(session: AsyncSession, actor: Actor, seats: Collection[UUID], job: UUID | None) -> Job | None:
    """Return a check of one of these seats that was asked for, as it stands. Raises NotFound for any other job."""
    if job is None:
        return None
    row = await visible.job(session, actor, job)
    if row.kind != "counter-check" or row.subject_id not in seats:
        raise NotFound(noun="job")
    return row


def typed_again(payload: Mapping[str, Any], lines: tuple[LineOut, ...]) -> dict[str, str]:
    """Return the fields of the form from which a check was asked, so that it can be sent as it was checked."""
    named: dict[str, Mapping[str, Any]] = {line["package"]: line for line in payload["lines"]}
    typed = {"edition": str(payload["edition"]), "note": payload["note"]}
    for line in lines:
        given = named.get(line.package)
        typed[f"units.{line.package}"] = str(given["units"]) if given else "0"
        if given and given["unit_price"] is not None:
            typed[f"price.{line.package}"] = written(given["unit_price"], line.currency)
        for field in ("starts", "ends", "lead_days"):
            if given and given[field] is not None:
                typed[f"{field}.{line.package}"] = str(given[field])
    if payload["payment"]:
        typed |= {f"pay.{part}": f"{payload['payment'][part] / 100:g}" for part in PARTS}
        typed["pay.days"] = str(payload["payment"]["days"])
    for clause in payload["clauses"] or ():
        typed |= {"clause": clause["clause"], "wording": clause["wording"]}
    return typed
