"""Amendments of a signed agreement, and evaluations between partners that have parted, over HTTP."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import amendments as actions
from api.actions import evaluations as judging
from api.i18n import Locale, locale_of
from api.queries import amendments as queries
from api.queries import evaluations
from api.wire.amendments import AmendIn, AmendmentOut, DropIn, SignAmendmentIn
from api.wire.evaluations import EvaluationIn, PartingOut, ReplyIn, SaidOut, TrackRecordOut
from domain.actor import Actor

AnyRequest = Request[Any, Any, Any]


async def as_it_stands(session: AsyncSession, actor: Actor, identity: UUID, locale: Locale) -> AmendmentOut:
    """Return an amendment as it stands after a change."""
    await session.flush()
    return AmendmentOut.from_view(await queries.view(session, actor, identity), locale)


@get("/consortia/{identity:uuid}/amendments", operation_id="listAmendments", tags=["amendments"])
async def list_amendments(
    request: AnyRequest,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> tuple[AmendmentOut, ...]:
    """List a consortium's amendments, newest first, to those they are between."""
    found = await queries.listed(snapshot, actor, identity)
    return tuple(AmendmentOut.from_view(view, locale_of(request)) for view in found)


@post("/consortia/{identity:uuid}/amendments", operation_id="proposeAmendment", tags=["amendments"])
async def propose_amendment(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[AmendIn],
) -> Response[AmendmentOut]:
    """Propose a new edition of a signed agreement; the former one holds until all who must sign have."""
    row = await actions.propose(session, actor, identity, data)
    out = await as_it_stands(session, actor, row.id, locale_of(request))
    return Response(out, headers={"Location": f"/api/v1/amendments/{row.id}"})


@get("/amendments/{identity:uuid}", operation_id="getAmendment", tags=["amendments"])
async def get_amendment(
    request: AnyRequest,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> AmendmentOut:
    """Read an amendment: both editions, what differs, who must sign, whose signature carries over."""
    return AmendmentOut.from_view(await queries.view(snapshot, actor, identity), locale_of(request))


@post("/amendments/{identity:uuid}/signatures", operation_id="signAmendment", tags=["amendments"], status_code=200)
async def sign_amendment(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[SignAmendmentIn],
) -> AmendmentOut:
    """Sign the proposed edition with this hash; the last signature needed puts it in force."""
    await actions.sign(session, actor, identity, data.sha256)
    return await as_it_stands(session, actor, identity, locale_of(request))


@post("/amendments/{identity:uuid}/refusal", operation_id="refuseAmendment", tags=["amendments"], status_code=200)
async def refuse_amendment(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DropIn],
) -> AmendmentOut:
    """Refuse an amendment that one would have to sign; the former edition holds."""
    await actions.refuse(session, actor, identity, data.note)
    return await as_it_stands(session, actor, identity, locale_of(request))


@post("/amendments/{identity:uuid}/withdrawal", operation_id="withdrawAmendment", tags=["amendments"], status_code=200)
async def withdraw_amendment(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DropIn],
) -> AmendmentOut:
    """Take an amendment back, as chain leader."""
    await actions.withdraw(session, actor, identity, data.note)
    return await as_it_stands(session, actor, identity, locale_of(request))


@get("/consortia/{identity:uuid}/evaluations", operation_id="listEvaluations", tags=["evaluations"])
async def list_evaluations(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[PartingOut, ...]:
    """List with whom one has parted in a consortium, and what each has said of the other."""
    return tuple(map(PartingOut.from_parting, await evaluations.partings(snapshot, actor, identity)))


@post("/consortia/{identity:uuid}/evaluations", operation_id="evaluatePartner", tags=["evaluations"], status_code=200)
async def evaluate_partner(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[EvaluationIn],
) -> SaidOut:
    """Say what one thinks of a partner, once, within thirty days of the end."""
    said = await judging.give(session, actor, identity, data)
    return SaidOut.from_said(await evaluations.between(session, actor, said.id))


@post("/evaluations/{identity:uuid}/reply", operation_id="replyToEvaluation", tags=["evaluations"], status_code=200)
async def reply_to_evaluation(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ReplyIn],
) -> SaidOut:
    """Answer what a partner has said of one's firm, once."""
    said = await judging.reply(session, actor, identity, data)
    return SaidOut.from_said(await evaluations.between(session, actor, said.id))


@get("/firms/{identity:uuid}/evaluations", operation_id="getTrackRecord", tags=["evaluations"])
async def get_track_record(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> TrackRecordOut:
    """Read what partners have said of a firm; fewer than three cases are too few to tell."""
    return TrackRecordOut.from_record(await evaluations.record_of(snapshot, actor, identity))


HANDLERS = [
    list_amendments,
    propose_amendment,
    get_amendment,
    sign_amendment,
    refuse_amendment,
    withdraw_amendment,
    list_evaluations,
    evaluate_partner,
    reply_to_evaluation,
    get_track_record,
]
