"""What an actor may see: the only door to the records.

Each function returns a statement already narrowed to the actor, or one row of it. A row that is absent and a row that
is not his are refused alike, by NotFound, so that existence is not revealed.
"""

from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql import Select
from sqlmodel import col

from domain.actor import Actor
from domain.delivery import HOUSE_MATTERS, OWN_MATTERS
from domain.errors import NotFound
from domain.kinds import MembershipState, OpportunityState, Role, Standing, Visibility
from domain.powers import Power
from domain.records import (
    AmendedSeat,
    Amendment,
    Answer,
    Bid,
    Capability,
    Certificate,
    Channel,
    Claim,
    ConfidentialityAcceptance,
    Consortium,
    Delivery,
    Endpoint,
    EntryLink,
    Evaluation,
    Event,
    Filing,
    ImportBatch,
    Job,
    Letter,
    LoneBid,
    Membership,
    Milestone,
    Opportunity,
    Organisation,
    Suggestion,
    User,
)

Row = TypeVar("Row", bound=Any)

WATCHERS = (Role.BUREAU, Role.OPERATOR)
PARTNERS = (Role.SUPPLIER, Role.SERVICE_PROVIDER)
FAMILY = sa.func.split_part(col(Event.code), ".", 1)
"""What an event is about, as `domain.delivery.family` says."""
KNOWN = (Standing.VERIFIED, Standing.SUSPENDED)
BOUND = (MembershipState.SIGNED, MembershipState.ACTIVE)
SEATED = tuple(state for state in MembershipState if state is not MembershipState.PROPOSED)
AGREEING = (MembershipState.ACCEPTED, MembershipState.SIGNED, MembershipState.ACTIVE)
ASKED = (MembershipState.INVITED, MembershipState.COUNTERED, *AGREEING)


def watches(actor: Actor) -> bool:
    """Tell whether the actor oversees the city's activity (bureau or operator)."""
    return any(actor.has(role) for role in WATCHERS)


def officer(actor: Actor) -> bool:
    """Tell whether the actor's organisation may open cases: a bureau; which of its people may, says their duty."""
    return actor.has(Role.BUREAU)


def oversees(firm: Organisation) -> bool:
    """Tell whether an organisation is itself a bureau or the operator."""
    return any(str(role) in firm.roles for role in WATCHERS)


def organisations(actor: Actor) -> Select[Organisation]:
    """Registered organisations are known to everyone who is signed in; those known only by name, to watchers.

    One that nobody has verified is known to its own people and to watchers.
    """
    statement = sa.select(Organisation)
    if watches(actor):
        return statement
    known = sa.or_(col(Organisation.standing).in_(KNOWN), col(Organisation.id) == actor.organisation_id)
    return statement.where(col(Organisation.registered), known)


def opportunities(actor: Actor) -> Select[Opportunity]:
    """Own ones; as bureau all but drafts; as partner what is public, open to verified firms, or asked into."""
    own = col(Opportunity.organisation_id) == actor.organisation_id
    seated = col(Opportunity.id).in_(
        sa.select(col(Membership.opportunity_id)).where(
            col(Membership.organisation_id) == actor.organisation_id, col(Membership.state).in_(SEATED)
        )
    )
    live = col(Opportunity.state).in_((OpportunityState.PUBLISHED, OpportunityState.CLOSED))
    ways = [own, seated]
    if watches(actor):
        ways.append(col(Opportunity.state) != OpportunityState.DRAFT)
    ways.append(sa.and_(live, col(Opportunity.visibility) == Visibility.PUBLIC))
    if any(actor.has(role) for role in PARTNERS):
        ways.append(sa.and_(live, col(Opportunity.visibility) == Visibility.VERIFIED))
    return sa.select(Opportunity).where(sa.or_(*ways))


def suggestions(actor: Actor) -> Select[Suggestion]:
    """Suggestions belong to whoever publishes the opportunity; the bureau sees them too."""
    statement = sa.select(Suggestion).join(Opportunity, col(Opportunity.id) == col(Suggestion.opportunity_id))
    own = col(Opportunity.organisation_id) == actor.organisation_id
    return statement if watches(actor) else statement.where(own)


def consortia(actor: Actor) -> Select[Consortium]:
    """Those one publishes for, those one has been asked into, and all of them for watchers."""
    seated = col(Consortium.id).in_(
        sa.select(col(Membership.consortium_id)).where(
            col(Membership.organisation_id) == actor.organisation_id, col(Membership.state).in_(SEATED)
        )
    )
    own = col(Consortium.organisation_id) == actor.organisation_id
    statement = sa.select(Consortium)
    return statement if watches(actor) else statement.where(sa.or_(own, seated))


def memberships(actor: Actor) -> Select[Membership]:
    """All seats of one's own consortia; all for watchers; as member, one's own seat.

    Once one's firm has promised confidentiality, also those of the members who have accepted their terms or have
    promised it too: names open to each other, never to one side.
    """
    statement = sa.select(Membership).join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
    if watches(actor):
        return statement
    mine = col(Membership.organisation_id) == actor.organisation_id
    own, promise = aliased(Membership), aliased(ConfidentialityAcceptance)
    promised = sa.exists().where(col(ConfidentialityAcceptance.membership_id) == col(Membership.id))
    together = sa.and_(
        sa.or_(col(Membership.state).in_(AGREEING), sa.and_(col(Membership.state).in_(ASKED), promised)),
        col(Membership.consortium_id).in_(
            sa.select(col(own.consortium_id))
            .join(promise, col(promise.membership_id) == col(own.id))
            .where(col(own.organisation_id) == actor.organisation_id, col(own.state).in_(ASKED))
        ),
    )
    leading = col(Consortium.organisation_id) == actor.organisation_id
    return statement.where(sa.or_(sa.and_(mine, col(Membership.state).in_(SEATED)), together, leading))


def capabilities(actor: Actor) -> Select[Capability]:
    """What registered firms declare they can do; how much and for how much is read elsewhere."""
    return sa.select(Capability)


def own_capabilities(actor: Actor) -> Select[Capability]:
    """The actor's own declarations, with every figure."""
    return sa.select(Capability).where(col(Capability.organisation_id) == actor.organisation_id)


def own_certificates(actor: Actor) -> Select[Certificate]:
    """The actor's own certificates."""
    return sa.select(Certificate).where(col(Certificate.organisation_id) == actor.organisation_id)


def lone_bids(actor: Actor) -> Select[LoneBid]:
    """One's own firm's lone bids, and those one filed; watchers see all."""
    own = sa.or_(col(LoneBid.organisation_id) == actor.organisation_id, col(LoneBid.filed_by) == actor.organisation_id)
    return sa.select(LoneBid) if watches(actor) else sa.select(LoneBid).where(own)


def jobs(actor: Actor) -> Select[Job]:
    """One's organisation's own jobs; the operator sees all."""
    statement = sa.select(Job)
    own = col(Job.organisation_id) == actor.organisation_id
    return statement if actor.has(Role.OPERATOR) else statement.where(own)


def answers(actor: Actor) -> Select[Answer]:
    """One's organisation's own answers: each rests on prices that are open to that organisation and to nobody else."""
    return sa.select(Answer).where(col(Answer.organisation_id) == actor.organisation_id)


def batches(actor: Actor) -> Select[ImportBatch]:
    """One's organisation's own imports; the operator sees all."""
    statement = sa.select(ImportBatch)
    own = col(ImportBatch.organisation_id) == actor.organisation_id
    return statement if actor.has(Role.OPERATOR) else statement.where(own)


def events(actor: Actor) -> Select[Event]:
    """What one did, what one was told, and everything for watchers; of people's own settings only one's own."""
    seen = told(actor.organisation_id)
    shared = sa.or_(FAMILY.not_in(HOUSE_MATTERS), seen) if watches(actor) else seen
    return sa.select(Event).where(shared, sa.or_(FAMILY.not_in(OWN_MATTERS), col(Event.user_id) == actor.user_id))


def told(organisation: Any) -> sa.ColumnElement[bool]:
    """Hold of an event for an organisation, by its id or by a column of ids, that did it or was told of it."""
    return sa.or_(col(Event.organisation_id) == organisation, sa.any_(col(Event.audience)) == organisation)


def told_to_rows() -> sa.ColumnElement[bool]:
    """Hold of an event and an organisation in one statement: whose people may see it, their own settings apart."""
    watching = sa.or_(*(sa.any_(col(Organisation.roles)) == str(role) for role in WATCHERS))
    shared = sa.and_(watching, FAMILY.not_in(HOUSE_MATTERS))
    return sa.and_(col(Organisation.standing) == Standing.VERIFIED, sa.or_(shared, told(col(Organisation.id))))


def own_people(actor: Actor) -> Select[User]:
    """The people of the actor's own organisation, those suspended too; who was removed is nobody any more."""
    return sa.select(User).where(col(User.organisation_id) == actor.organisation_id, col(User.removed_at).is_(None))


def own_links(actor: Actor) -> Select[EntryLink]:
    """One-time links to the actor's own organisation."""
    return sa.select(EntryLink).where(col(EntryLink.organisation_id) == actor.organisation_id)


def claims(actor: Actor) -> Select[Claim]:
    """Claims of firms, to the bureau's officers and nobody else."""
    statement = sa.select(Claim)
    return statement if actor.has(Role.BUREAU) and actor.may(Power.VERIFY) else statement.where(sa.false())


def own_channels(actor: Actor) -> Select[Channel]:
    """The actor's own ways of being told; a colleague's are not his."""
    return sa.select(Channel).where(col(Channel.user_id) == actor.user_id)


def own_letters(actor: Actor) -> Select[Letter]:
    """What was sent, or is to be sent, over the actor's own channels."""
    own = sa.select(col(Channel.id)).where(col(Channel.user_id) == actor.user_id)
    return sa.select(Letter).where(col(Letter.channel_id).in_(own))


def own_endpoints(actor: Actor) -> Select[Endpoint]:
    """The webhooks of the actor's own organisation."""
    return sa.select(Endpoint).where(col(Endpoint.organisation_id) == actor.organisation_id)


def own_deliveries(actor: Actor) -> Select[Delivery]:
    """What was delivered, or is to be delivered, to the webhooks of the actor's own organisation."""
    own = sa.select(col(Endpoint.id)).where(col(Endpoint.organisation_id) == actor.organisation_id)
    return sa.select(Delivery).where(col(Delivery.endpoint_id).in_(own))


def leading(actor: Actor) -> Select[UUID]:
    """Ids of the consortia the actor acts for: as the chain leader, or as the member that leads it and has signed."""
    seat = sa.select(col(Membership.consortium_id)).where(
        col(Membership.organisation_id) == actor.organisation_id, col(Membership.lead), col(Membership.state).in_(BOUND)
    )
    own = sa.select(col(Consortium.id)).where(col(Consortium.organisation_id) == actor.organisation_id)
    return sa.select(sa.union(own, seat).subquery().c.id)


def filings(actor: Actor) -> Select[Filing]:
    """All of those one leads, once confidentiality is promised, one's own as member, and everything for watchers."""
    statement = sa.select(Filing)
    if watches(actor):
        return statement
    own = col(Filing.organisation_id) == actor.organisation_id
    led = sa.and_(col(Filing.consortium_id).in_(leading(actor)), col(Filing.consortium_id).in_(opened(actor)))
    return statement.where(sa.or_(own, led))


def together(actor: Actor) -> Select[UUID]:
    """Ids of the consortia the actor leads, or has signed for as a member."""
    signed = sa.select(col(Membership.consortium_id)).where(
        col(Membership.organisation_id) == actor.organisation_id, col(Membership.state).in_(BOUND)
    )
    return sa.select(sa.union(leading(actor), signed).subquery().c.id)


def opened(actor: Actor) -> Select[UUID]:
    """Ids of the consortia whose signed members the actor may know: its own, and those it has promised to keep."""
    promised = (
        sa.select(col(Membership.consortium_id))
        .join(ConfidentialityAcceptance, col(ConfidentialityAcceptance.membership_id) == col(Membership.id))
        .where(col(Membership.organisation_id) == actor.organisation_id, col(Membership.state).in_(BOUND))
    )
    own = sa.select(col(Consortium.id)).where(col(Consortium.organisation_id) == actor.organisation_id)
    return sa.select(sa.union(own, promised).subquery().c.id)


def milestones(actor: Actor) -> Select[Milestone]:
    """One's own, those of the consortia whose members one may know, and everything for watchers."""
    statement = sa.select(Milestone)
    own = col(Milestone.organisation_id) == actor.organisation_id
    known = col(Milestone.consortium_id).in_(opened(actor))
    return statement if watches(actor) else statement.where(sa.or_(own, known))


def bids(actor: Actor) -> Select[Bid]:
    """Those of the consortia one leads or has signed for, and everything for watchers."""
    statement = sa.select(Bid)
    return statement if watches(actor) else statement.where(col(Bid.consortium_id).in_(together(actor)))


def amendments(actor: Actor) -> Select[Amendment]:
    """Those of the chain leader's own consortia and those in which one's seat has a part; they name prices."""
    seated = (
        sa.select(col(AmendedSeat.amendment_id))
        .join(Membership, col(Membership.id) == col(AmendedSeat.membership_id))
        .where(col(Membership.organisation_id) == actor.organisation_id)
    )
    own = sa.select(col(Consortium.id)).where(col(Consortium.organisation_id) == actor.organisation_id)
    return sa.select(Amendment).where(sa.or_(col(Amendment.id).in_(seated), col(Amendment.consortium_id).in_(own)))


def evaluations(actor: Actor) -> Select[Evaluation]:
    """What one has said of a partner, and what partners have said of one; what others may read is read elsewhere."""
    return sa.select(Evaluation).where(
        sa.or_(
            col(Evaluation.organisation_id) == actor.organisation_id, col(Evaluation.about_id) == actor.organisation_id
        )
    )


async def one(session: AsyncSession, statement: Select[Row], identity: Any, noun: str, *, lock: bool = False) -> Row:
    """Return the one row of `statement` whose primary key is `identity`, locked for update when asked.

    Raises NotFound naming `noun`.
    """
    entity = statement.column_descriptions[0]["entity"]
    narrowed = statement.where(entity.id == identity)
    if lock:
        narrowed = narrowed.with_for_update(of=entity).execution_options(populate_existing=True)
    row = (await session.execute(narrowed)).scalar_one_or_none()
    if row is None:
        raise NotFound(noun=noun)
    return row  # type: ignore[no-any-return]


async def opportunity(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Opportunity:
    """Return an opportunity the actor may see. Raises NotFound."""
    return await one(session, opportunities(actor), identity, "opportunity", lock=lock)


async def consortium(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Consortium:
    """Return a consortium the actor may see. Raises NotFound."""
    return await one(session, consortia(actor), identity, "consortium", lock=lock)


async def membership(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Membership:
    """Return a membership the actor may see. Raises NotFound."""
    return await one(session, memberships(actor), identity, "membership", lock=lock)


async def suggestion(session: AsyncSession, actor: Actor, identity: UUID) -> Suggestion:
    """Return a suggestion the actor may see. Raises NotFound."""
    return await one(session, suggestions(actor), identity, "suggestion")


async def organisation(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Organisation:
    """Return an organisation the actor may see. Raises NotFound."""
    return await one(session, organisations(actor), identity, "organisation", lock=lock)


async def job(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Job:
    """Return a job the actor may see. Raises NotFound."""
    return await one(session, jobs(actor), identity, "job", lock=lock)


async def answer(session: AsyncSession, actor: Actor, identity: UUID) -> Answer:
    """Return an answer the actor may see. Raises NotFound."""
    return await one(session, answers(actor), identity, "answer")


async def lone_bid(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> LoneBid:
    """Return a lone bid the actor may see. Raises NotFound."""
    return await one(session, lone_bids(actor), identity, "lone_bid", lock=lock)


async def own_capability(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Capability:
    """Return one of the actor's own capabilities. Raises NotFound."""
    return await one(session, own_capabilities(actor), identity, "capability", lock=lock)


async def own_certificate(session: AsyncSession, actor: Actor, identity: UUID) -> Certificate:
    """Return one of the actor's own certificates. Raises NotFound."""
    return await one(session, own_certificates(actor), identity, "certificate")


async def own_channel(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Channel:
    """Return one of the actor's own channels. Raises NotFound."""
    return await one(session, own_channels(actor), identity, "channel", lock=lock)


async def own_endpoint(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Endpoint:
    """Return one of the webhooks of the actor's organisation. Raises NotFound."""
    return await one(session, own_endpoints(actor), identity, "endpoint", lock=lock)


async def own_delivery(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Delivery:
    """Return one delivery to the actor's organisation. Raises NotFound."""
    return await one(session, own_deliveries(actor), identity, "delivery", lock=lock)


async def filing(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Filing:
    """Return a filing the actor may see. Raises NotFound."""
    return await one(session, filings(actor), identity, "filing", lock=lock)


async def milestone(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Milestone:
    """Return a milestone the actor may see. Raises NotFound."""
    return await one(session, milestones(actor), identity, "milestone", lock=lock)


async def amendment(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Amendment:
    """Return an amendment the actor may see. Raises NotFound."""
    return await one(session, amendments(actor), identity, "amendment", lock=lock)


async def evaluation(session: AsyncSession, actor: Actor, identity: UUID) -> Evaluation:
    """Return an evaluation between the actor's firm and another. Raises NotFound."""
    return await one(session, evaluations(actor), identity, "evaluation")


async def own_person(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> User:
    """Return a person of the actor's own organisation. Raises NotFound."""
    return await one(session, own_people(actor), identity, "user", lock=lock)


async def own_link(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> EntryLink:
    """Return a one-time link to the actor's own organisation. Raises NotFound."""
    return await one(session, own_links(actor), identity, "entry_link", lock=lock)


async def claim(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Claim:
    """Return a claim the actor may see. Raises NotFound."""
    return await one(session, claims(actor), identity, "claim", lock=lock)
