"""How much one may ask for: the usual figures hold, whoever asks from wherever, and say when to come back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions.limits import TooMuchUnderWay, count_request, room_for_file, room_for_job, state_limit
from api.app import create_app
from api.i18n import LOCALES, catalogue
from api.problems import refusal_of, status_of
from api.queries.limits import stated
from api.settings import Settings
from domain.errors import Invalid, TooMany
from domain.kinds import InvitationState, Role, RunState
from domain.limits import LIMITS
from domain.records import Invitation, Job, Membership, Organisation, Quota
from tests.api.little_app import client_of
from tests.conftest import PLENTY, PROJECT
from tests.factories import (
    make_consortium,
    make_invitation,
    make_membership,
    make_opportunity,
    make_organisation,
    make_user,
)
from tests.living import living

AT_ONCE = 50
MIGRATION = PROJECT / "api" / "migrations" / "versions" / "0017_limits.py"


async def usual(session: AsyncSession, **other: int) -> None:
    """Let the usual figures hold, and `other` ones."""
    await session.execute(sa.delete(Quota))
    session.add_all([Quota(name=name, most=most) for name, most in other.items()])
    await session.commit()


async def plenty(session: AsyncSession) -> None:
    """Let the tests' deployment allow what it allows otherwise."""
    await session.execute(sa.delete(Quota))
    session.add_all([Quota(name=name, most=PLENTY) for name in LIMITS])
    await session.commit()


@pytest.fixture
async def usually(
    committed_sessions: async_sessionmaker[AsyncSession],
) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """Real commits under the usual figures."""
    async with committed_sessions() as session:
        await usual(session)
    yield committed_sessions
    async with committed_sessions() as session:
        await plenty(session)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A chain leader with seats of suppliers of its own."""

    leader: Organisation
    seats: list[Membership]


async def seats_of(
    session: AsyncSession, leader: Organisation | None, count: int, firm: Organisation | None = None
) -> Asked:
    """Add so many seats, each in a consortium of its own where they are all one firm's."""
    leader = leader or await make_organisation(session, Role.CHAIN_LEADER)
    consortium, seats = None, []
    for _ in range(count):
        if consortium is None or firm is not None:
            consortium = await make_consortium(session, await make_opportunity(session, leader))
        seats.append(await make_membership(session, consortium, firm))
    return Asked(leader=leader, seats=seats)


async def sent(sessions: async_sessionmaker[AsyncSession], seat: UUID) -> TooMany | None:
    """Send an invitation in a transaction of its own; return what refused it."""
    async with sessions() as session:
        try:
            now = datetime.now(UTC)
            session.add(Invitation(membership_id=seat, edition=1, sent_at=now, deadline=now + timedelta(hours=2)))
            await session.commit()
        except DBAPIError as error:
            refusal = refusal_of(error)
            assert isinstance(refusal, TooMany), refusal
            return refusal
    return None


# ------------------------------------------------------------------ stated once


def test_every_limit_is_told_to_people() -> None:
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")

    for limit in LIMITS.values():
        assert f"| `{limit.name}` | {limit.most:,} |" in page


def test_the_database_knows_the_same_figures() -> None:
    text = MIGRATION.read_text(encoding="utf-8")

    for name in ("invitations", "live_invitations", "reinvitations"):
        assert f"allowed('{name}', {LIMITS[name].most})" in text


async def test_a_deployment_states_another_figure_and_takes_it_back(session: AsyncSession) -> None:
    await usual(session)
    await state_limit(session, "invitations", 80)
    before = (await stated(session))["invitations"]
    await state_limit(session, "invitations", None)

    assert (before, (await stated(session))["invitations"]) == (80, 50)
    with pytest.raises(Invalid):
        await state_limit(session, "wishes", 3)


# ------------------------------------------------------------------ invitations


async def test_p27_fifty_parallel_senders_do_not_exceed_by_one(usually: async_sessionmaker[AsyncSession]) -> None:
    async with usually() as session:
        asked = await seats_of(session, None, AT_ONCE + 1)
        await session.commit()
        for seat in asked.seats[:10]:
            await make_invitation(session, seat)
        await session.commit()

    answers = await asyncio.gather(*(sent(usually, seat.id) for seat in asked.seats[10:]))

    refused = [answer for answer in answers if answer is not None]
    assert [refusal.code for refusal in refused] == ["too-many-invitations"]
    assert 1 <= int(str(refused[0].params["seconds"])) <= 86_400
    async with usually() as session:
        counted = await session.scalar(sa.select(sa.func.count()).select_from(Invitation))
    assert counted == AT_ONCE == LIMITS["invitations"].most


async def test_p27_without_the_guard_the_same_senders_exceed(usually: async_sessionmaker[AsyncSession]) -> None:
    async with usually() as session:
        asked = await seats_of(session, None, AT_ONCE + 1)
        await session.execute(sa.text("alter table invitation disable trigger invitation_quota"))
        await session.commit()
    try:
        answers = await asyncio.gather(*(sent(usually, seat.id) for seat in asked.seats))
    finally:
        async with usually() as session:
            await session.execute(sa.text("alter table invitation enable trigger invitation_quota"))
            await session.commit()

    assert answers == [None] * (AT_ONCE + 1)


async def test_p27_a_firm_has_five_unanswered_invitations_of_one_leader(session: AsyncSession) -> None:
    await usual(session)
    firm = await make_organisation(session)
    asked = await seats_of(session, None, 6, firm)
    for seat in asked.seats[:5]:
        await make_invitation(session, seat)

    with pytest.raises(DBAPIError) as refused:
        await make_invitation(session, asked.seats[5])

    refusal = refusal_of(refused.value)
    assert (refusal.code, status_of(refusal)) == ("too-many-live", 429)
    assert 3_000 < int(str(refusal.params["seconds"])) <= 3_600


async def test_p27_another_leader_may_ask_the_same_firm(session: AsyncSession) -> None:
    await usual(session)
    firm = await make_organisation(session)
    mine, others = await seats_of(session, None, 5, firm), await seats_of(session, None, 1, firm)

    for seat in (*mine.seats, *others.seats):
        assert (await make_invitation(session, seat)).state is InvitationState.SENT


async def test_p27_who_has_declined_is_asked_again_three_times(session: AsyncSession) -> None:
    await usual(session)
    (seat,) = (await seats_of(session, None, 1, await make_organisation(session))).seats
    for edition in range(1, 5):
        invitation = await make_invitation(session, seat, edition=edition)
        invitation.answered_at = datetime.now(UTC)
        invitation.become(InvitationState.DECLINED)
        await session.flush()

    with pytest.raises(DBAPIError) as refused:
        await make_invitation(session, seat, edition=5)

    refusal = refusal_of(refused.value)
    assert refusal.code == "declined-often"
    assert 29 * 86_400 < int(str(refusal.params["seconds"])) <= 30 * 86_400


async def test_p27_new_terms_to_the_same_member_are_no_new_invitation(session: AsyncSession) -> None:
    await usual(session, invitations=1)
    asked = await seats_of(session, None, 2)
    first = await make_invitation(session, asked.seats[0])
    first.become(InvitationState.SUPERSEDED)
    await session.flush()

    assert (await make_invitation(session, asked.seats[0], edition=2)).edition == 2
    with pytest.raises(DBAPIError):
        await make_invitation(session, asked.seats[1])


# ------------------------------------------------------------------ requests


@pytest.fixture
async def app(database_url: str, usually: async_sessionmaker[AsyncSession]) -> AsyncIterator[Litestar]:
    """The whole application under the usual figures."""
    async with living(create_app(Settings(second_factor="optional"), database_url)) as app:
        yield app


async def asked(client: httpx.AsyncClient, times: int, **headers: str) -> list[int]:
    """Ask so many times; return the statuses."""
    return [(await client.get("/api/v1/me", headers=headers)).status_code for _ in range(times)]


async def test_p40_a_limit_is_not_dodged_by_headers_about_the_way(app: Litestar) -> None:
    most = LIMITS["stranger_requests"].most
    async with client_of(app) as client:
        answers = []
        for number in range(most + 5):
            other = f"198.51.{number // 250}.{number % 250}"
            headers = {"x-forwarded-for": other, "x-real-ip": other, "forwarded": f"for={other}",
                       "x-forwarded-host": f"h{number}.example", "host": f"h{number}.example"}  # fmt: skip
            answers.append(await client.get("/api/v1/me", headers=headers))

    statuses = [answer.status_code for answer in answers]
    assert statuses == [401] * most + [429] * 5
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in answers[most:])


@pytest.mark.parametrize("locale", LOCALES)
async def test_p40_a_request_too_many_says_when_to_come_back_in_the_readers_language(
    app: Litestar, usually: async_sessionmaker[AsyncSession], locale: str
) -> None:
    async with usually() as session:
        await usual(session, stranger_requests=0)
    async with client_of(app) as client:
        answer = await client.get("/api/v1/me", headers={"accept-language": locale})

    told = answer.json()
    assert (answer.status_code, told["code"]) == (429, "too-many")
    assert answer.headers["retry-after"] in told["title"]
    assert answer.headers["content-language"] == locale


async def test_p40_a_person_is_counted_with_every_session(app: Litestar, usually: Any) -> None:
    from api.actions import auth

    async with usually() as session:
        await usual(session, requests=6)
        user = await make_user(session)
        other = await make_user(session)
        secrets = [
            (await auth.welcome(session, each, timedelta(hours=1), former=None, agent=None)).secret
            for each in (user, user, other)
        ]
        await session.commit()
    async with client_of(app) as client:
        first = await asked(client, 4, authorization=f"Bearer {secrets[0]}")
        second = await asked(client, 4, authorization=f"Bearer {secrets[1]}")
        stranger = await asked(client, 4, authorization=f"Bearer {secrets[2]}")

    assert (first, second, stranger) == ([200] * 4, [200, 200, 429, 429], [200] * 4)


async def test_p40_a_window_that_has_passed_counts_no_more(session: AsyncSession) -> None:
    await usual(session, requests=1)
    assert await count_request(session, {"requests": "somebody"}) == 0
    assert await count_request(session, {"requests": "somebody"}) > 0
    await session.execute(sa.text("update request_count set since = since - interval '2 minutes'"))

    assert await count_request(session, {"requests": "somebody"}) == 0


# ------------------------------------------------------------------ work


async def test_p29_an_organisation_has_one_run_and_three_that_wait(session: AsyncSession) -> None:
    await usual(session)
    user, other = await make_user(session), await make_user(session)
    for number in range(4):
        state = RunState.RUNNING if number == 0 else RunState.QUEUED
        session.add(Job(kind="suggest", organisation_id=user.organisation_id, user_id=user.id, state=state))
        await session.flush()

    with pytest.raises(TooMuchUnderWay):
        await room_for_job(session, user.organisation_id)
    await room_for_job(session, other.organisation_id)


async def test_as_many_files_a_day_as_are_allowed_and_no_more(session: AsyncSession) -> None:
    await usual(session, imports=0)

    with pytest.raises(TooMany):
        await room_for_file(session, (await make_organisation(session)).id)


@pytest.mark.parametrize("code", ["too-many-invitations", "too-many-live", "declined-often", "too-much-under-way"])
def test_a_limit_says_when_to_come_back_in_each_language(code: str) -> None:
    for locale in LOCALES:
        assert "{seconds}" in catalogue(locale)["refusal"][code]
