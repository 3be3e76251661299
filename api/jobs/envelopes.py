"""Handing an agreement to a provider of electronic signatures, outside any transaction."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.abroad import let_leave
from api.actions.envelopes import handed_over
from api.db import transaction
from api.esign import Opened, Signing, Unreachable, provider_of
from api.jobs import Effect, JobContext, Outcome
from api.papers.frozen import as_pdf
from api.papers.wording import worded
from api.queries.envelopes import to_send
from api.tenancy import Office, doing
from coalitions.clauses import compose
from domain.errors import NotFound
from domain.kinds import Receiver

CALLBACK = "/api/v1/esign/notices"


async def hand_over(context: JobContext) -> Effect:
    """Send the frozen paper; run twice, the provider knows by its key that it is the same envelope."""
    if context.subject_id is None:
        raise NotFound(noun="envelope")
    identity, site = context.subject_id, context.settings.site
    async with transaction(context.sessions, doing(Office.WORKER, context.actor)) as session:
        envelope, agreement, user, firm = await to_send(session, identity)
    address = f"{site}/verify/{agreement.sha256}"
    sheet = worded(
        compose(agreement.body), "both", sha256=agreement.sha256, address=address, demonstration=firm.demonstration
    )
    if agreement.created_at is None:
        raise RuntimeError("an agreement that was read knows when it was made")
    signing = Signing(
        key=str(envelope.id),
        title=sheet.title[0],
        sha256=agreement.sha256,
        paper=await asyncio.to_thread(as_pdf, sheet, agreement.created_at),
        firm=firm.name,
        credit_code=firm.credit_code,
        person=user.name,
        email=user.email,
        callback=site + CALLBACK,
    )
    async with transaction(context.sessions, doing(Office.RELAY)) as session:
        leaves = await let_leave(session, user.id, Receiver.ESIGN, context.settings.esign_place)
    opened = await _opened(context, signing) if leaves else None

    async def note(session: AsyncSession) -> Outcome:
        await handed_over(session, context.actor, identity, opened)
        return {"code": "envelope-sent" if opened else "esign-unreachable" if leaves else "esign-abroad"}

    return note


async def _opened(context: JobContext, signing: Signing) -> Opened | None:
    """Return how the provider took it; None where it did not."""
    try:
        return await provider_of(context.settings).open(signing)
    except Unreachable:
        return None
