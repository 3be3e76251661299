"""Claiming a firm, how one's claim stands, and the bureau's queue of claims."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import claims as actions
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.queries import people
from api.wire.people import ClaimIn, OwnClaimOut, VerdictIn, VerificationIn
from domain.errors import Invalid
from domain.kinds import ClaimState, Role

QUEUE = "/claims"
FIRMS = (Role.SUPPLIER, Role.SERVICE_PROVIDER, Role.CHAIN_LEADER)
FIELDS = ("credit_code", "name", "person", "email", "password")


@get("/claim")
async def claim_page(guest: NamedDependency[Reader]) -> Response[Any]:
    """Show the form by which a person says for which firm he acts."""
    return page(guest, "claim", typed={}, faults={})


@post("/claim")
async def claim(
    guest: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Take a claim, told alike whatever was known before, or say beside the field what is wrong."""
    try:
        given = Reading(data).wire(ClaimIn, {name: data.get(name, "") for name in FIELDS})
    except Invalid as refused:
        typed = {name: data.get(name, "") for name in FIELDS if name != "password"}
        return page(guest, "claim", status=422, typed=typed, faults=beside(guest.locale, refused))
    await actions.submit(session, given)
    return back("/login", "claimed")


async def own_page(reader: Reader, session: AsyncSession) -> Response[Any]:
    """Return how the reader's claim stands: all that there is for him before it is verified. Raises NotFound."""
    return page(reader, "claimed", claim=OwnClaimOut.model_validate(await people.claim_of(session, reader.actor)))


@get(QUEUE)
async def queue_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show the claims that wait for an officer, and those decided lately."""
    return await queue(reader, snapshot)


async def queue(
    reader: Reader,
    session: AsyncSession,
    *,
    about: UUID | None = None,
    typed: Form | None = None,
    refused: Invalid | None = None,
) -> Response[Any]:
    """Return the page, with what was typed about one claim."""
    pending, _ = await people.claims(session, reader.actor, state=ClaimState.PENDING)
    every, _ = await people.claims(session, reader.actor)
    decided = [row for row in every if row.state is not ClaimState.PENDING][:10]
    return page(
        reader,
        "claims",
        status=422 if refused else 200,
        pending=await actions.shown(session, reader.actor, pending),
        decided=await actions.shown(session, reader.actor, decided),
        roles=FIRMS,
        about=about,
        typed=typed or {},
        faults=beside(reader.locale, refused) if refused else {},
    )


@post("/claims/{identity:uuid}/verification")
async def verify(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Let a claim hold, or say beside the field what is wrong."""
    try:
        roles = tuple(str(role) for role in FIRMS if data.get(f"role-{role}"))
        given = Reading(data).wire(VerificationIn, {**grounds(data), **({"roles": roles} if roles else {})})
    except Invalid as refused:
        return await queue(reader, session, about=identity, typed=data, refused=refused)
    await actions.verify(session, reader.actor, identity, given)
    return back(QUEUE, "claim-verified")


@post("/claims/{identity:uuid}/refusal")
async def refuse(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Let a claim not hold, or say beside the field what is wrong."""
    try:
        given = Reading(data).wire(VerdictIn, grounds(data))
    except Invalid as refused:
        return await queue(reader, session, about=identity, typed=data, refused=refused)
    await actions.refuse(session, reader.actor, identity, given)
    return back(QUEUE, "claim-refused")


@post("/firms/{identity:uuid}/suspension")
async def suspend(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Let a firm's people do nothing until it is reinstated. Raises Invalid."""
    await actions.suspend_firm(session, reader.actor, identity, Reading(data).wire(VerdictIn, grounds(data)))
    return back(f"/firms/{identity}", "firm-suspended")


@post("/firms/{identity:uuid}/reinstatement")
async def reinstate(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Let a suspended firm's people act again. Raises Invalid."""
    await actions.reinstate_firm(session, reader.actor, identity, Reading(data).wire(VerdictIn, grounds(data)))
    return back(f"/firms/{identity}", "firm-reinstated")


def grounds(data: Form) -> dict[str, str]:
    """Return what a form says about a decision: why, and on what evidence."""
    return {name: data.get(name, "") for name in ("reason", "evidence")}


HANDLERS = (claim_page, claim, queue_page, verify, refuse, suspend, reinstate)
