"""Negotiation over HTTP: confidentiality, what differs, who answers, more time, checks and repairs."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import negotiation as actions
from api.i18n import locale_of, say
from api.queries import actors
from api.queries import consortia as queries
from api.routes.consortia import seat_shown
from api.wire.consortia import MembershipOut, TermsIn, diff_of
from api.wire.jobs import JobOut
from api.wire.negotiation import (
    CONFIDENTIALITY,
    ColleagueOut,
    ConfidentialityIn,
    ConfidentialityOut,
    ConfidentialityText,
    DelegationIn,
    DiffOut,
    ExtensionIn,
    RepairIn,
)
from domain.actor import Actor
from domain.message import Message
from domain.records import Job

Edition = Annotated[int | None, QueryParameter(ge=1, description="An edition of the terms")]


async def queued(session: AsyncSession, job: Job) -> Response[JobOut]:
    """Answer with a job that waits, and where it can be followed."""
    await session.refresh(job)
    return Response(JobOut.model_validate(job), headers={"Location": f"/api/v1/jobs/{job.id}"})


@get("/memberships/{identity:uuid}/confidentiality", operation_id="getConfidentiality", tags=["memberships"])
async def get_confidentiality(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> ConfidentialityText:
    """Read the promise of confidentiality that is asked for, and whether one's firm has given it."""
    seat = await queries.between(snapshot, actor, identity)
    text = say(locale_of(request), Message(code=str(CONFIDENTIALITY)), section="confidentiality")
    given = ConfidentialityOut.from_row(seat.promise) if seat.promise else None
    return ConfidentialityText(edition=CONFIDENTIALITY, text=text, accepted=given)


@post("/memberships/{identity:uuid}/confidentiality", operation_id="promiseConfidentiality", tags=["memberships"],
      status_code=200)  # fmt: skip
async def promise_confidentiality(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ConfidentialityIn],
) -> MembershipOut:
    """Promise, by name, to keep confidential who else takes part; from then on the others' names are shown."""
    row = await actions.promise(session, actor, identity, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@get("/memberships/{identity:uuid}/diff", operation_id="diffTerms", tags=["memberships"])
async def diff_terms(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    before: Edition = None,
    after: Edition = None,
) -> DiffOut:
    """Compare two editions of a seat's terms, field by field: those in force and the counter, unless others are named.

    Only the member and its chain leader may.
    """
    seat = await queries.between(snapshot, actor, identity)
    view = await queries.view(snapshot, actor, seat.membership.consortium_id)
    old, new = await queries.two_editions(snapshot, actor, seat, before, after)
    return diff_of(view, seat, old, new, actor)


@post("/memberships/{identity:uuid}/delegation", operation_id="delegateAnswer", tags=["memberships"], status_code=200)
async def delegate_answer(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DelegationIn],
) -> MembershipOut:
    """Hand one's firm's answer to a colleague; only that person, or an administrator of the firm, answers then."""
    row = await actions.delegate(session, actor, identity, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@post("/memberships/{identity:uuid}/extension", operation_id="extendDeadline", tags=["memberships"], status_code=200)
async def extend_deadline(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ExtensionIn],
) -> MembershipOut:
    """Give a member more time for its answer, as chain leader."""
    row = await actions.extend(session, actor, identity, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@post("/memberships/{identity:uuid}/counter-checks", operation_id="checkCounter", tags=["memberships"],
      status_code=202)  # fmt: skip
async def check_counter(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[TermsIn],
) -> Response[JobOut]:
    """Check terms before they are sent. The job's outcome tells whether the consortium still stands, as far as one may
    know, and the room on one's own side; no other firm's figure has any part in it.
    """
    return await queued(session, await actions.ask_for_check(session, actor, identity, data))


@post("/consortia/{identity:uuid}/repairs", operation_id="askForRepairs", tags=["consortia"], status_code=202)
async def ask_for_repairs(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[RepairIn],
) -> Response[JobOut]:
    """Look for ways to mend a consortium: the fewest changes and the best, side by side, as plans of a suggestion."""
    return await queued(session, await actions.ask_for_repairs(session, actor, identity, data))


@get("/colleagues", operation_id="listColleagues", tags=["memberships"])
async def list_colleagues(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> tuple[ColleagueOut, ...]:
    """List the people of one's own organisation, to whom an answer can be handed."""
    return tuple(map(ColleagueOut.from_row, await actors.colleagues(snapshot, actor)))


HANDLERS = [
    get_confidentiality,
    promise_confidentiality,
    diff_terms,
    delegate_answer,
    extend_deadline,
    check_counter,
    ask_for_repairs,
    list_colleagues,
]
