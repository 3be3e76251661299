"""Webhooks: signed as Standard Webhooks, persistent, and nobody's business but the organisation's administrators'."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from standardwebhooks import Webhook

from api.actions import endpoints
from api.actions.endpoints import EndpointDisabled, TooManyEndpoints, TooOld
from api.jobs.telling import deliver
from api.outbox import record
from api.sending.hooks import LARGEST_ANSWER
from api.settings import Settings
from api.wire.endpoints import EndpointIn, ReplayIn
from domain.actor import Actor
from domain.delivery import WEBHOOK_AGAIN
from domain.errors import Invalid, NotAllowed, NotFound
from domain.kinds import DeliveryState, EndpointState, Role
from domain.records import Attempt, Delivery, Endpoint
from tests.api.test_relay import handed_on, process
from tests.factories import actor_of, make_organisation, make_user

Sessions = async_sessionmaker[AsyncSession]
LOCAL = Settings(local_webhooks=True)


@dataclass
class Receiver:
    """Somebody else's system: it keeps what it is sent, and answers as it is told to."""

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    sent: int = 0

    async def met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append((headers, body))
        answer = self.answers.pop(0) if self.answers else b"HTTP/1.1 204 No Content\r\n\r\n"
        try:
            writer.write(answer)
            await writer.drain()
            while answer.endswith(b"flood\r\n\r\n"):
                writer.write(b"x" * 65_536)
                self.sent += 65_536
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    there = Receiver()
    server = await asyncio.start_server(there.met, "127.0.0.1", 0)
    there.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    yield there
    server.close()


async def administrator(sessions: Sessions, role: Role = Role.SUPPLIER, *, administrator: bool = True) -> Actor:
    async with sessions.begin() as session:
        user = await make_user(session, await make_organisation(session, role), admin=administrator)
        return Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset({role}))


async def added(sessions: Sessions, actor: Actor, url: str, **over: Any) -> Endpoint:
    async with sessions.begin() as session:
        return await endpoints.add(session, actor, EndpointIn(url=url, **over), local=True)


async def happen(sessions: Sessions, actor: Actor, code: str = "membership.invited", **params: Any) -> UUID:
    """Let something happen that the actor's organisation is told of, and hand it on."""
    subject = uuid4()
    async with sessions.begin() as session:
        leader = actor_of(await make_organisation(session, Role.CHAIN_LEADER))
        await record(session, leader, code, subject, consortium_id=uuid4(), audience=[actor.organisation_id], **params)
    await handed_on(sessions)
    return subject


async def one(sessions: Sessions) -> Delivery:
    async with sessions() as session:
        return (await session.execute(sa.select(Delivery))).scalar_one()


async def make_due(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(sa.text("update delivery set next_at = clock_timestamp() where state = 'waiting'"))


def status(code: int, *lines: str, body: str = "") -> bytes:
    head = [f"HTTP/1.1 {code} Said", f"Content-Length: {len(body)}", *lines, "", body]
    return "\r\n".join(head).encode()


# ------------------------------------------------------------------ what is sent


async def test_a_delivery_is_verified_by_the_reference_library_and_tells_ids_only(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    subject = await happen(committed_sessions, actor, name="机密联合体", price=4_611_686_017)

    await deliver(committed_sessions, LOCAL)

    ((headers, body),) = receiver.heard
    told = Webhook(row.secret).verify(body, headers)
    assert told["type"] == "membership.invited"
    assert told["data"]["subject_id"] == str(subject)
    assert set(told["data"]) == {"position", "organisation_id", "subject_id", "opportunity_id", "consortium_id"}
    assert "机密" not in body.decode()
    assert "4611686017" not in body.decode()
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(row.secret).verify(body.replace(b"invited", b"signed"), headers)


async def test_both_secrets_sign_for_a_day_after_a_rotation(committed_sessions: Sessions, receiver: Receiver) -> None:
    actor = await administrator(committed_sessions)
    former = (await added(committed_sessions, actor, receiver.url)).secret
    async with committed_sessions.begin() as session:
        (row,) = await endpoints.listed(session, actor)
        newest = (await endpoints.rotate(session, actor, row.id)).secret
    await happen(committed_sessions, actor)

    await deliver(committed_sessions, LOCAL)
    async with committed_sessions.begin() as session:
        await session.execute(sa.text("update endpoint set former_until = clock_timestamp() - interval '1 second'"))
    await happen(committed_sessions, actor)
    await deliver(committed_sessions, LOCAL)

    (first_headers, first), (second_headers, second) = receiver.heard
    for secret in (former, newest):
        assert Webhook(secret).verify(first, first_headers)
    assert Webhook(newest).verify(second, second_headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(former).verify(second, second_headers)


async def test_an_endpoint_hears_its_kinds_of_event_and_nothing_of_others(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor, stranger = await administrator(committed_sessions), await administrator(committed_sessions)
    await added(committed_sessions, actor, receiver.url, families=("consortium",))
    await added(committed_sessions, stranger, receiver.url)

    await happen(committed_sessions, actor, "membership.invited")
    await happen(committed_sessions, actor, "consortium.agreed")
    await deliver(committed_sessions, LOCAL)

    assert [json.loads(body)["type"] for _, body in receiver.heard] == ["consortium.agreed"]


# ------------------------------------------------------------------ how it ends


async def test_a_failed_delivery_is_tried_by_the_schedule_with_the_same_id_and_then_given_up(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    receiver.answers = [status(500)] * 10

    for wait in (*WEBHOOK_AGAIN, None):
        before = datetime.now(UTC)
        await deliver(committed_sessions, LOCAL)
        delivery = await one(committed_sessions)
        assert delivery.next_at is not None
        if wait is not None:
            assert wait * 0.9 <= delivery.next_at - before <= wait * 1.1 + timedelta(seconds=30)
        await make_due(committed_sessions)

    assert (delivery.state, delivery.tries) == (DeliveryState.FAILED, 10)
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert len({body for _, body in receiver.heard}) == 1
    for headers, body in receiver.heard:
        assert Webhook(row.secret).verify(body, headers)
    async with committed_sessions() as session:
        assert await session.scalar(sa.text("select count(*) from attempt")) == 10
        assert await session.scalar(sa.text("select count(*) from event where code = 'endpoint.failed'")) == 1


async def test_410_disables_until_an_administrator_enables_again(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    receiver.answers = [status(410)]
    await deliver(committed_sessions, LOCAL)
    await happen(committed_sessions, actor)
    await deliver(committed_sessions, LOCAL)

    assert len(receiver.heard) == 1
    async with committed_sessions.begin() as session:
        shown = await endpoints.own(session, actor, row.id)
        assert (shown.state, shown.reason) == (EndpointState.DISABLED, "gone")
        with pytest.raises(EndpointDisabled):
            await endpoints.test(session, actor, row.id)
        await endpoints.enable(session, actor, row.id)
    await happen(committed_sessions, actor)
    await deliver(committed_sessions, LOCAL)
    assert len(receiver.heard) == 2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(302, "Location: http://127.0.0.1/elsewhere"), "redirected"),
        (status(404), "refused-there"),
        (b"nonsense\r\n\r\n", "unreachable"),
        (b"", "unreachable"),
    ],
    ids=["302", "404", "no HTTP", "nothing"],
)
async def test_whatever_is_not_a_success_is_a_failure_and_nothing_is_followed(
    committed_sessions: Sessions, receiver: Receiver, answer: bytes, outcome: str
) -> None:
    actor = await administrator(committed_sessions)
    await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    receiver.answers = [answer]

    await deliver(committed_sessions, LOCAL)

    assert (await one(committed_sessions)).state is DeliveryState.WAITING
    assert len(receiver.heard) == 1
    async with committed_sessions() as session:
        assert (await session.execute(sa.select(Attempt))).scalar_one().outcome == outcome


async def test_an_endless_answer_is_cut(committed_sessions: Sessions, receiver: Receiver) -> None:
    actor = await administrator(committed_sessions)
    await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Way: flood\r\n\r\n"]

    await asyncio.wait_for(deliver(committed_sessions, LOCAL), 30)

    assert (await one(committed_sessions)).state is DeliveryState.DELIVERED
    assert receiver.sent < 256 * LARGEST_ANSWER
    async with committed_sessions() as session:
        assert len((await session.execute(sa.select(Attempt))).scalar_one().answer) == 500


async def test_in_service_no_private_address_is_delivered_to(committed_sessions: Sessions, receiver: Receiver) -> None:
    actor = await administrator(committed_sessions)
    await added(committed_sessions, actor, receiver.url)  # as if it had been entered with the allowance of tests
    await happen(committed_sessions, actor)

    await deliver(committed_sessions, Settings())

    assert receiver.heard == []
    async with committed_sessions() as session:
        assert (await session.execute(sa.select(Attempt))).scalar_one().outcome == "address-refused"


async def test_several_workers_deliver_each_event_once(
    committed_sessions: Sessions, database_url: str, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    await added(committed_sessions, actor, receiver.url)
    # two that send, as fast as they can; the processes' other work finds nothing to do
    async with process(database_url, "smtp+plain://127.0.0.1:9"), process(database_url, "smtp+plain://127.0.0.1:9"):
        for _ in range(12):
            await happen(committed_sessions, actor)
        for _ in range(1200):
            async with committed_sessions() as session:
                if not await session.scalar(sa.text("select count(*) from delivery where state = 'waiting'")):
                    break
            await asyncio.sleep(0.05)

    identities = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert len(identities) == len(set(identities)) == 12


# ------------------------------------------------------------------ once more


async def test_a_delivery_can_be_had_again_with_its_id(committed_sessions: Sessions, receiver: Receiver) -> None:
    actor = await administrator(committed_sessions)
    await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    await deliver(committed_sessions, LOCAL)
    async with committed_sessions.begin() as session:
        await endpoints.replay(session, actor, (await one(committed_sessions)).id)

    await deliver(committed_sessions, LOCAL)

    (first, body), (second, again) = receiver.heard
    assert (first["webhook-id"], body) == (second["webhook-id"], again)


async def test_a_span_of_time_can_be_had_again_with_what_was_never_delivered(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    await deliver(committed_sessions, LOCAL)
    async with committed_sessions.begin() as session:
        await endpoints.disable(session, actor, row.id)
    await happen(committed_sessions, actor)
    now = datetime.now(UTC)

    async with committed_sessions.begin() as session:
        await endpoints.enable(session, actor, row.id)
        span = ReplayIn(since=now - timedelta(minutes=5), until=now + timedelta(minutes=5))
        again = await endpoints.replay_span(session, actor, row.id, span)
    await deliver(committed_sessions, LOCAL)

    identities = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert again == 2
    assert len(identities) == 3
    assert identities.count(identities[0]) == 2


async def test_what_is_older_than_thirty_days_is_not_had_again(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    await happen(committed_sessions, actor)
    await deliver(committed_sessions, LOCAL)
    now = datetime.now(UTC)

    async with committed_sessions.begin() as session:
        await session.execute(sa.text("update delivery set created_at = created_at - interval '31 days'"))
        with pytest.raises(TooOld):
            await endpoints.replay_span(session, actor, row.id, ReplayIn(since=now - timedelta(days=31), until=now))
        with pytest.raises(TooOld):
            await endpoints.replay(session, actor, (await one(committed_sessions)).id)


async def test_a_test_event_is_delivered_and_signed(committed_sessions: Sessions, receiver: Receiver) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    async with committed_sessions.begin() as session:
        await endpoints.test(session, actor, row.id)

    await deliver(committed_sessions, LOCAL)

    ((headers, body),) = receiver.heard
    assert Webhook(row.secret).verify(body, headers)["type"] == "endpoint.tested"


# ------------------------------------------------------------------ whose


async def test_only_administrators_of_the_organisation_touch_its_webhooks(
    committed_sessions: Sessions, receiver: Receiver
) -> None:
    actor = await administrator(committed_sessions)
    row = await added(committed_sessions, actor, receiver.url)
    async with committed_sessions.begin() as session:
        colleague_row = await make_user(session, organisation_id=actor.organisation_id)
    colleague = Actor(user_id=colleague_row.id, organisation_id=actor.organisation_id, roles=actor.roles)
    stranger = await administrator(committed_sessions)

    async with committed_sessions() as session:
        for act in (endpoints.rotate, endpoints.remove, endpoints.test, endpoints.disable, endpoints.own):
            with pytest.raises(NotAllowed):
                await act(session, colleague, row.id)
            with pytest.raises(NotFound):
                await act(session, stranger, row.id)
        with pytest.raises(NotAllowed):
            await endpoints.listed(session, colleague)


async def test_what_an_endpoint_cannot_be_is_refused(committed_sessions: Sessions) -> None:
    actor = await administrator(committed_sessions)
    async with committed_sessions() as session:
        with pytest.raises(Invalid) as refused:
            await endpoints.add(session, actor, EndpointIn(url="http://erp.example/"), local=False)
        assert refused.value.faults[0].code == "webhook-address"
        for number in range(endpoints.MOST_ENDPOINTS):
            await endpoints.add(session, actor, EndpointIn(url=f"https://erp.example/{number}"), local=False)
        with pytest.raises(TooManyEndpoints):
            await endpoints.add(session, actor, EndpointIn(url="https://erp.example/more"), local=False)
