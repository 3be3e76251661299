"""Filings and licences of a signed consortium: asked for by the law, handed in, granted or sent back, or not needed.

When nothing that the law asks before the bid is undecided any more, the consortium is filed by the same commit.
"""

from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import compliance, visible
from api.queries import filings as reading
from api.tenancy import Office, by
from api.wire.filings import DecisionIn, ReturnIn, StatementIn, SubmissionIn
from coalitions.filing import UNDECIDED, before_bid
from domain.actor import Actor
from domain.errors import Fault, IllegalTransition, Invalid, NotAllowed, RuleBroken
from domain.kinds import ConsortiumState, FilingState
from domain.message import Parameter
from domain.records import ComplianceAcknowledgement, Consortium, Filing


class FilingsOpen(RuleBroken):
    """Filings that the law asks for before this step are not decided yet."""

    code = "filings-open"


FOLLOWED = (ConsortiumState.SIGNED, ConsortiumState.FILED, ConsortiumState.BID, ConsortiumState.WON,
            ConsortiumState.RUNNING)  # fmt: skip
Key = tuple[str, date, str, UUID]


@by(Office.FORMATION)
async def follow_law(session: AsyncSession, actor: Actor, row: Consortium, why: str = "") -> None:
    """Make a task of every filing that today's law asks of a signed consortium and that is none yet.

    A task that nobody has acted on and that is asked for no longer, since the members or their work have changed, is
    closed as not needed; `why` is the reason of that change.
    """
    asked = await compliance.filings_asked(session, actor, row.id)
    keys = {(each.rule_id, each.since, each.subject, each.organisation_id) for each in asked}
    known = {_key(filing): filing for filing in await reading.every(session, actor, row.id)}
    for key, filing in known.items():
        if key not in keys and filing.state is FilingState.OPEN and why:
            filing.note = why
            filing.become(FilingState.NOT_NEEDED)
            await _tell(session, itself(row), row, filing, "filing.not-needed", FilingState.OPEN, reason=why)
    for duty, due in asked.items():
        if (duty.rule_id, duty.since, duty.subject, duty.organisation_id) in known:
            continue
        filing = Filing(
            consortium_id=row.id,
            organisation_id=duty.organisation_id,
            rule_id=duty.rule_id,
            rule_since=duty.since,
            pack=duty.pack,
            pack_version=duty.version,
            subject=duty.subject,
            due=due,
        )
        session.add(filing)
        await session.flush()
        await _tell(session, itself(row), row, filing, "filing.opened", None, due=due.isoformat())
    await session.flush()


async def follow(session: AsyncSession, actor: Actor, identity: UUID) -> Consortium:
    """Ask today's law anew what is to be filed for a signed consortium, as whoever acts for it.

    What was signed before the platform kept filings, or before a rule was in force, gets its tasks so.

    Raises NotFound, NotAllowed, IllegalTransition.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    if not await reading.acts(session, actor, row.id):
        raise NotAllowed(needed="owner")
    if row.state not in FOLLOWED:
        raise IllegalTransition(current=str(row.state), wanted="filing", possible=", ".join(sorted(FOLLOWED)))
    await follow_law(session, actor, row)
    return row


def itself(row: Consortium) -> Actor:
    """Return in whose name all members are told what became of the consortium: its leader's.

    Whose answer brought it about stands in the event of that answer, which only the two it is between are told; a
    member that has not promised confidentiality must not learn from an event who the others are.
    """
    return Actor(user_id=None, organisation_id=row.organisation_id, roles=frozenset())


async def submit(session: AsyncSession, actor: Actor, identity: UUID, given: SubmissionIn) -> Filing:
    """Note that a filing was handed in, or handed in again. Raises NotFound, NotAllowed, Invalid, IllegalTransition."""
    row, filing = await _task(session, actor, identity)
    await not_later_than_today(session, {"submitted_on": given.submitted_on})
    before = filing.state
    filing.become(FilingState.SUBMITTED)
    filing.receipt, filing.submitted_on, filing.attachment = given.receipt, given.submitted_on, given.attachment
    filing.decided_on, filing.note = None, ""
    await _tell(session, actor, row, filing, "filing.submitted", before, receipt=given.receipt,
                on=given.submitted_on.isoformat())  # fmt: skip
    return filing


async def accept(session: AsyncSession, actor: Actor, identity: UUID, given: DecisionIn) -> Filing:
    """Note that a filing was granted; whoever notes it states by name that the rule is met.

    Raises NotFound, NotAllowed, Invalid, IllegalTransition.
    """
    row, filing = await _task(session, actor, identity)
    await _decided(session, filing, given.decided_on)
    before = filing.state
    filing.become(FilingState.ACCEPTED)
    filing.decided_on, filing.note = given.decided_on, given.note
    await _state(session, actor, filing, given.decided_on, given.note)
    await _tell(session, actor, row, filing, "filing.accepted", before, receipt=filing.receipt,
                on=given.decided_on.isoformat())  # fmt: skip
    await step_on(session, actor, row)
    return filing


async def send_back(session: AsyncSession, actor: Actor, identity: UUID, given: ReturnIn) -> Filing:
    """Note that a filing was sent back, and why. Raises NotFound, NotAllowed, Invalid, IllegalTransition."""
    row, filing = await _task(session, actor, identity)
    await _decided(session, filing, given.decided_on)
    before = filing.state
    filing.become(FilingState.RETURNED)
    filing.decided_on, filing.note = given.decided_on, given.note
    await _tell(session, actor, row, filing, "filing.returned", before, reason=given.note,
                on=given.decided_on.isoformat())  # fmt: skip
    return filing


async def waive(session: AsyncSession, actor: Actor, identity: UUID, given: StatementIn) -> Filing:
    """State by name, for the consortium, why a filing is not needed. Raises NotFound, NotAllowed, IllegalTransition."""
    row, filing = await _task(session, actor, identity)
    if actor.user_id is None or not await reading.acts(session, actor, row.id):
        raise NotAllowed(needed="owner")
    before = filing.state
    filing.note = given.note
    filing.become(FilingState.NOT_NEEDED)
    await _tell(session, actor, row, filing, "filing.not-needed", before, reason=given.note)
    await step_on(session, actor, row)
    return filing


async def step_on(session: AsyncSession, actor: Actor, row: Consortium) -> None:
    """Make a signed consortium filed once nothing that must come before the bid is undecided."""
    await session.flush()
    if row.state is ConsortiumState.SIGNED and not await undecided(session, actor, row.id, bid=True):
        await filed(session, actor, row)


async def filed(session: AsyncSession, actor: Actor, row: Consortium, note: str = "") -> None:
    """Make a consortium filed, and tell everybody in it."""
    before = row.state
    row.become(ConsortiumState.FILED)
    await tell_all(session, actor, row, "consortium.filed", before, reason=note)


async def undecided(session: AsyncSession, actor: Actor, consortium: UUID, *, bid: bool) -> list[str]:
    """Return the rules whose filings still hold up the bid, or else the beginning of work."""
    found = await reading.every(session, actor, consortium)
    return sorted(
        {each.rule_id for each in found if each.state in UNDECIDED and before_bid(reading.rule_of(each).before) is bid}
    )


async def tell_all(
    session: AsyncSession, actor: Actor, row: Consortium, code: str, before: ConsortiumState, **params: Parameter
) -> None:
    """Tell the chain leader and every member who has signed how the consortium has moved on.

    Where a member has moved it, the others are told so in the leader's name: they need not know who that member is.
    """
    members = await reading.members(session, actor, row.id)
    told = {row.organisation_id, actor.organisation_id}
    moved = {"name": row.name, "before": str(before), "after": str(row.state)}
    led = actor.organisation_id == row.organisation_id
    await record(session, actor, code, row.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=told.union(members) if led else told, **moved, **params)  # fmt: skip
    if not led:
        await record(session, itself(row), "consortium.moved", row.id, opportunity_id=row.opportunity_id,
                     consortium_id=row.id, audience=set(members) - told, **moved)  # fmt: skip


async def not_later_than_today(session: AsyncSession, days: dict[str, date]) -> None:
    """Refuse days that have not come yet, by the database's clock in Beijing. Raises Invalid naming each."""
    today = await reading.today(session)
    faults = tuple(Fault(where=f"$.{name}", code="in-the-future") for name, day in days.items() if day > today)
    if faults:
        raise Invalid(faults)


async def _task(session: AsyncSession, actor: Actor, identity: UUID) -> tuple[Consortium, Filing]:
    """Return a filing that the actor may act on, under the lock of its consortium."""
    found = await visible.filing(session, actor, identity)
    row = await visible.consortium(session, actor, found.consortium_id, lock=True)
    if found.organisation_id != actor.organisation_id and not await reading.acts(session, actor, row.id):
        raise NotAllowed(needed="owner")
    if row.state in (ConsortiumState.LOST, ConsortiumState.CLOSED):
        raise IllegalTransition(current=str(row.state), wanted="filing", possible="")
    return row, await visible.filing(session, actor, identity, lock=True)


async def _decided(session: AsyncSession, filing: Filing, on: date) -> None:
    await not_later_than_today(session, {"decided_on": on})
    if filing.submitted_on is not None and on < filing.submitted_on:
        raise Invalid((Fault(where="$.decided_on", code="before-submission"),))


async def _state(session: AsyncSession, actor: Actor, filing: Filing, on: date, note: str) -> None:
    """Keep the statement by which the rule counts as met from now on; the receipt is what it rests on."""
    if actor.user_id is None:
        raise NotAllowed(needed="member")
    made = {
        "consortium_id": filing.consortium_id,
        "rule_id": filing.rule_id,
        "rule_since": filing.rule_since,
        "pack": filing.pack,
        "pack_version": filing.pack_version,
        "subject": filing.subject,
        "stated_on": on,
        "organisation_id": actor.organisation_id,
        "user_id": actor.user_id,
        "note": f"{filing.receipt} {note}".strip(),
    }
    await session.execute(insert(ComplianceAcknowledgement).values(made).on_conflict_do_nothing())


async def _tell(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    filing: Filing,
    code: str,
    before: FilingState | None,
    **params: Parameter,
) -> None:
    await record(session, actor, code, filing.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[row.organisation_id, filing.organisation_id], name=row.name, rule=filing.rule_id,
                 before=str(before) if before else None, after=str(filing.state), **params)  # fmt: skip


def _key(filing: Filing) -> Key:
    return filing.rule_id, filing.rule_since, filing.subject, filing.organisation_id
