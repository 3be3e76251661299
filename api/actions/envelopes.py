"""Signing at a provider of electronic signatures: a member asks for an envelope, the provider tells what came of it."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.actions import compliance, consortia
from api.actions.consortia import AgreementChanged
from api.esign import EsignOff, Notice, Opened
from api.outbox import enqueue, record
from api.queries import consortia as reading
from api.queries import envelopes, visible
from api.queries.actors import acting
from api.tenancy import Office, by
from coalitions.formation import SETTLED
from domain.actor import Actor
from domain.errors import IllegalTransition, NotAllowed, RuleBroken
from domain.kinds import ConsortiumState, EnvelopeState, MembershipState
from domain.records import Envelope, Job, WebhookReceipt

KIND = "envelope"


class WebhookReplayed(RuleBroken):
    """A message of the provider was acted upon before; nothing is done twice."""

    code = "webhook-replayed"


async def ask(session: AsyncSession, actor: Actor, identity: UUID, sha256: str, provider: str | None) -> Envelope:
    """Ask, for the actor's firm, for an envelope with the agreement whose hash is `sha256`; a job hands it over.

    Raises NotFound, NotAllowed, EsignOff where there is no `provider`, IllegalTransition, AgreementChanged,
    ComplianceStop, AcknowledgementMissing, and AlreadyExists (at the flush) while one is under way.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    seats = await reading.seats(session, actor, row.id)
    own = next((s.membership for s in seats if s.membership.organisation_id == actor.organisation_id
                and s.membership.state in SETTLED), None)  # fmt: skip
    if own is None or actor.user_id is None:
        raise NotAllowed(needed="member")
    if provider is None:
        raise EsignOff()
    if row.state is not ConsortiumState.AGREED or own.state is not MembershipState.ACCEPTED:
        raise IllegalTransition(current=str(own.state), wanted="signed", possible=str(ConsortiumState.AGREED))
    found = await reading.agreement(session, actor, row.id)
    if found is None or found[0].sha256 != sha256:
        raise AgreementChanged(sha256=sha256)
    await compliance.require_clear(session, actor, row)
    envelope = Envelope(
        agreement_id=found[0].id,
        sha256=sha256,
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
        provider=provider,
    )
    session.add(envelope)
    await session.flush()
    job = Job(kind=KIND, subject_id=envelope.id, organisation_id=actor.organisation_id, user_id=actor.user_id)
    await enqueue(session, job)
    await record(session, actor, "envelope.requested", envelope.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, audience=[actor.organisation_id], name=row.name, provider=provider)  # fmt: skip
    return envelope


async def handed_over(session: AsyncSession, actor: Actor, identity: UUID, opened: Opened | None) -> None:
    """Note that a provider has taken an envelope, or, where `opened` is None, that it has not."""
    envelope = await session.get_one(Envelope, identity, with_for_update=True)
    if envelope.state is not EnvelopeState.REQUESTED:
        return
    if opened is None:
        envelope.become(EnvelopeState.FAILED)
    else:
        envelope.reference, envelope.address = opened.reference, opened.address
        envelope.become(EnvelopeState.SENT)
    code = "envelope.failed" if opened is None else "envelope.sent"
    await record(session, actor, code, envelope.id, audience=[envelope.organisation_id], provider=envelope.provider)


@by(Office.FORMATION)
async def take(session: AsyncSession, provider: str, message: str, notice: Notice) -> Envelope:
    """Act upon what a provider has proved to say: sign for the firm that asked, or note that it will not be signed.

    Raises NotFound for an envelope that is none of ours, WebhookReplayed, AgreementChanged for a hash that is not the
    envelope's or not the agreement in force, and whatever signing raises. What is refused was not taken: the provider
    may send it again.
    """
    envelope, consortium = await envelopes.referred(session, provider, notice.data.reference)
    receipt = {"provider": provider, "message": message, "envelope_id": envelope.id}
    taken = insert(WebhookReceipt).values(receipt).on_conflict_do_nothing().returning(col(WebhookReceipt.message))
    if (await session.execute(taken)).scalar_one_or_none() is None:
        raise WebhookReplayed()
    actor = await _signer(session, envelope)
    row = await visible.consortium(session, actor, consortium, lock=True)
    await session.refresh(envelope, with_for_update=True)
    in_force = await reading.agreement(session, actor, row.id)
    told = notice.data.sha256
    stands = row.state is not ConsortiumState.FORMING and in_force is not None and in_force[0].sha256 == told
    if not stands or told != envelope.sha256:
        raise AgreementChanged(sha256=told)
    if notice.type == "envelope.declined":
        envelope.become(EnvelopeState.FAILED)
        await record(session, actor, "envelope.failed", envelope.id, consortium_id=consortium,
                     audience=[actor.organisation_id], provider=provider)  # fmt: skip
        return envelope
    envelope.become(EnvelopeState.SIGNED)
    envelope.certificate, envelope.signed_at = notice.data.certificate, notice.data.signed_at
    await record(session, actor, "envelope.signed", envelope.id, consortium_id=consortium,
                 audience=[actor.organisation_id], provider=provider, sha256=envelope.sha256)  # fmt: skip
    await consortia.sign(session, actor, consortium, envelope.sha256)
    return envelope


async def _signer(session: AsyncSession, envelope: Envelope) -> Actor:
    """Return who asked for an envelope, if he still acts and signs for that firm. Raises NotAllowed."""
    user, firm = await envelopes.person(session, envelope)
    if not user.active or user.organisation_id != firm.id:
        raise NotAllowed(needed="member")
    return acting(user, firm)
