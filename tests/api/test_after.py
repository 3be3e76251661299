"""From signed to closed on a real database: filings hold steps up, results are told, nothing stays held."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import amendments, consortia, evaluations, filings, milestones, progress
from api.actions.evaluations import EvaluationClosed
from api.actions.filings import FilingsOpen
from api.papers.schedule import schedule
from api.queries import amendments as proposed
from api.queries import compliance as law
from api.queries import evaluations as said
from api.queries import events, history
from api.queries import filings as reading
from api.queries import milestones as marking
from api.queries import owed as debts
from api.queries.evaluations import Record
from api.queries.filings import Task
from api.queries.owed import Owed
from api.wire.evaluations import EvaluationIn, ReplyIn
from api.wire.filings import BidIn, DayIn, DecisionIn, LossIn, ReturnIn, StatementIn, SubmissionIn
from api.wire.milestones import MilestoneOut, PlanIn, ReportIn
from coalitions.matching import Outcome
from coalitions.milestones import Pace
from domain.actor import Actor
from domain.errors import ConfidentialityFirst, IllegalTransition, Invalid, NotAllowed, NotFound
from domain.kinds import ConsortiumState, FilingState, LossReason, MembershipState, PackageKind, Role
from domain.records import ConfidentialityAcceptance, Consortium, Event, Filing, Membership, WorkPackage
from tests.api.test_formation import Scene
from tests.api.test_formation import scene as scene
from tests.factories import actor_of, make_organisation
from tests.signed import Signed, make_signed

MARKS: dict[str, Any] = {"timeliness": 5, "quality": 4, "cooperation": 4, "clarity": 3, "fairness": 5}
NOTE = StatementIn(note="已由法务核对。")


@pytest.fixture
async def signed(committed_sessions: async_sessionmaker[AsyncSession]) -> Signed:
    """A consortium that has signed, of goods alone."""
    return await make_signed(committed_sessions)


async def tasks(signed: Signed, actor: Actor | None = None) -> dict[str, Task]:
    """Return the filings a reader sees, by rule; the chain leader's unless told otherwise."""
    async with signed.sessions() as session:
        return {
            each.row.rule_id: each for each in await reading.tasks(session, actor or signed.leader, signed.consortium)
        }


async def today(signed: Signed) -> date:
    async with signed.sessions() as session:
        return await reading.today(session)


async def act(signed: Signed, action: Any, subject: UUID, given: Any, actor: Actor | None = None) -> Any:
    """Let somebody, the chain leader unless told otherwise, act."""
    async with signed.sessions.begin() as session:
        return await action(session, actor or signed.leader, subject, given)


async def granted(signed: Signed, task: Task, actor: Actor | None = None) -> None:
    """Hand a filing in and have it granted."""
    day = await today(signed)
    await act(signed, filings.submit, task.row.id, SubmissionIn(receipt="R-1", submitted_on=day), actor)
    await act(signed, filings.accept, task.row.id, DecisionIn(decided_on=day), actor)


async def steps(signed: Signed, *wanted: str) -> None:
    """Take the steps of a consortium's road by name, on this day."""
    day = await today(signed)
    road: dict[str, tuple[Any, Any]] = {
        "filed": (progress.confirm_filed, NOTE),
        "bid": (progress.hand_in, BidIn(submitted_on=day, reference="PLN-1")),
        "won": (progress.win, DayIn(on=day)),
        "lost": (progress.lose, LossIn(on=day, reason=LossReason.PRICE, winner="演示对手")),
        "running": (progress.start, DayIn(on=day)),
        "closed": (progress.close, DayIn(on=day)),
    }
    for step in wanted:
        if step == "running":
            for task in (await tasks(signed)).values():
                if task.undecided:
                    await act(signed, filings.waive, task.row.id, NOTE)
        action, given = road[step]
        await act(signed, action, signed.consortium, given)


async def owed(signed: Signed, kind: str, actor: Actor) -> list[Owed]:
    """Return what somebody owes of one kind."""
    async with signed.sessions() as session:
        return await debts.KINDS[kind](session, actor)


# ------------------------------------------------------------------ filings


async def contracting(sessions: async_sessionmaker[AsyncSession]) -> Signed:
    """A consortium that has signed, whose first package is works: contracting abroad, which is filed."""
    made = await make_signed(sessions)
    async with sessions.begin() as session:
        package = sa.update(WorkPackage).where(col(WorkPackage.code) == "WP1").values(kind=PackageKind.WORKS)
        await session.execute(package)
        await filings.follow_law(session, made.leader, await session.get_one(Consortium, made.consortium))
    return made


async def test_a_filing_says_who_where_with_what_and_by_when_and_the_last_one_files_the_consortium(
    committed_sessions: async_sessionmaker[AsyncSession],
) -> None:
    signed = await contracting(committed_sessions)
    filing = (await tasks(signed))["CTR-gen"]
    assert filing.row.organisation_id == signed.first.organisation_id
    assert filing.rule.filing is not None
    assert filing.rule.filing.papers[0].zh == "《对外承包工程项目备案表》"
    assert filing.row.due == date(2030, 12, 1)
    with pytest.raises(FilingsOpen) as waiting:
        await steps(signed, "filed")
    assert waiting.value.params == {"rules": "CTR-gen"}
    assert [each.subject_id for each in await owed(signed, "filing", signed.first)] == [
        each.row.id for each in (await tasks(signed, signed.first)).values()
    ]

    day = await today(signed)
    given = SubmissionIn(receipt="粤商备 1", submitted_on=day, attachment="档案 17")
    await act(signed, filings.submit, filing.row.id, given, signed.first)
    await act(signed, filings.send_back, filing.row.id, ReturnIn(decided_on=day, note="缺合同"), signed.first)
    await act(signed, filings.submit, filing.row.id, given, signed.first)
    await act(signed, filings.accept, filing.row.id, DecisionIn(decided_on=day, note="回执已领"), signed.first)

    assert (await signed.row()).state is ConsortiumState.FILED
    kept = (await tasks(signed))["CTR-gen"].row
    assert (kept.state, kept.receipt, kept.attachment) == (FilingState.ACCEPTED, "粤商备 1", "档案 17")
    told = await signed.events("filing.opened", "filing.submitted", "filing.returned", "filing.accepted")
    road = [(each.params["before"], each.params["after"]) for each in told if each.params["rule"] == "CTR-gen"]
    assert road == [(None, "open"), ("open", "submitted"), ("submitted", "returned"), ("returned", "submitted"),
                    ("submitted", "accepted")]  # fmt: skip
    async with signed.sessions() as session:
        found = await law.compliance(session, signed.leader, signed.consortium)
    assert [each.outcome for each in found.shown if each.rule_id == "CTR-gen"] == [Outcome.PASS]


async def test_where_nothing_is_to_be_filed_a_named_person_says_so_and_work_waits_for_what_the_law_asks_before_it(
    signed: Signed,
) -> None:
    assert {rule: task.holds_up_bid for rule, task in (await tasks(signed)).items()} == {"EXP-du": False}

    await steps(signed, "filed", "bid", "won")
    with pytest.raises(FilingsOpen):
        await act(signed, progress.start, signed.consortium, DayIn(on=await today(signed)))
    await granted(signed, (await tasks(signed))["EXP-du"], signed.first)
    await steps(signed, "running", "closed")

    assert (await signed.row()).state is ConsortiumState.CLOSED
    told = await signed.events("consortium.filed", "consortium.bid", "consortium.won", "consortium.started",
                               "consortium.closed")  # fmt: skip
    assert [(each.params["before"], each.params["after"]) for each in told] == [
        ("signed", "filed"), ("filed", "bid"), ("bid", "won"), ("won", "running"), ("running", "closed"),
    ]  # fmt: skip
    assert all(each.user_id == signed.leader.user_id and each.at is not None for each in told)
    assert told[0].params["reason"] == NOTE.note


async def test_what_was_signed_before_a_rule_was_followed_gets_its_tasks_when_the_law_is_asked_anew(
    signed: Signed,
) -> None:
    async with signed.sessions.begin() as session:
        await session.execute(sa.update(WorkPackage).values(kind=PackageKind.WORKS))
    assert "CTR-gen" not in await tasks(signed)

    for _ in range(2):
        async with signed.sessions.begin() as session:
            await filings.follow(session, signed.leader, signed.consortium)

    assert (await tasks(signed))["CTR-gen"].row.state is FilingState.OPEN
    async with signed.sessions() as session:
        with pytest.raises(NotAllowed):
            await filings.follow(session, signed.second, signed.consortium)
    for task in (await tasks(signed)).values():
        await act(signed, filings.waive, task.row.id, NOTE)
    await steps(signed, "bid", "lost")
    async with signed.sessions() as session:
        with pytest.raises(IllegalTransition):
            await filings.follow(session, signed.leader, signed.consortium)


async def test_a_filing_is_waived_by_name_and_only_for_the_whole_consortium(signed: Signed) -> None:
    filing = (await tasks(signed))["EXP-du"]
    machine = Actor(user_id=None, organisation_id=signed.leader.organisation_id, roles=signed.leader.roles)

    for actor in (machine, signed.second):
        with pytest.raises((NotAllowed, NotFound)):
            await act(signed, filings.waive, filing.row.id, NOTE, actor)
    await act(signed, filings.waive, filing.row.id, NOTE, signed.first)

    assert (await tasks(signed))["EXP-du"].row.state is FilingState.NOT_NEEDED
    assert await tasks(signed, signed.second) == {}


async def test_days_that_cannot_be_are_refused(signed: Signed) -> None:
    filing, day = (await tasks(signed))["EXP-du"], await today(signed)
    tomorrow = day + timedelta(days=1)

    with pytest.raises(Invalid) as future:
        await act(signed, filings.submit, filing.row.id, SubmissionIn(receipt="R", submitted_on=tomorrow))
    await act(signed, filings.submit, filing.row.id, SubmissionIn(receipt="R", submitted_on=day))
    with pytest.raises(Invalid) as early:
        await act(signed, filings.accept, filing.row.id, DecisionIn(decided_on=day - timedelta(days=1)))
    with pytest.raises(IllegalTransition):
        await act(signed, filings.waive, filing.row.id, NOTE)
    await steps(signed, "filed", "bid")
    with pytest.raises(Invalid) as before:
        await act(signed, progress.win, signed.consortium, DayIn(on=day - timedelta(days=1)))

    assert [refused.value.faults[0].code for refused in (future, early, before)] == [
        "in-the-future", "before-submission", "before-submission",
    ]  # fmt: skip


async def test_a_machine_of_the_firm_states_nothing(signed: Signed) -> None:
    filing, day = (await tasks(signed))["EXP-du"], await today(signed)
    machine = Actor(user_id=None, organisation_id=signed.first.organisation_id, roles=signed.first.roles)
    await act(signed, filings.submit, filing.row.id, SubmissionIn(receipt="R", submitted_on=day), machine)

    with pytest.raises(NotAllowed):
        await act(signed, filings.accept, filing.row.id, DecisionIn(decided_on=day), machine)


async def test_a_task_of_a_firm_that_has_left_is_closed_and_its_successor_gets_one(
    committed_sessions: async_sessionmaker[AsyncSession],
) -> None:
    signed = await contracting(committed_sessions)
    given: dict[str, Any] = {
        "reason": "牵头方退出。",
        "exits": [{"membership_id": (await signed.seat(signed.first)).id}],
        "seats": [await signed.lines(signed.second, WP1=30)],
        "lead_id": signed.second.organisation_id,
    }
    await signed.sign(await signed.propose(**given), *signed.members)

    async with signed.sessions() as session:
        found = list((await session.execute(sa.select(Filing).where(col(Filing.rule_id) == "CTR-gen"))).scalars())
    assert {(row.organisation_id, row.state, row.note) for row in found} == {
        (signed.first.organisation_id, FilingState.NOT_NEEDED, "牵头方退出。"),
        (signed.second.organisation_id, FilingState.OPEN, ""),
    }


# ------------------------------------------------------------------ results


async def test_a_bid_that_is_lost_tells_why_and_gives_everything_back(signed: Signed) -> None:
    open_one = await signed.propose(**await signed.shift())
    await steps(signed, "filed", "bid", "lost")

    async with signed.sessions() as session:
        bid = await reading.bid(session, signed.second, signed.consortium)
        with pytest.raises(NotFound):
            await reading.bid(session, signed.fourth, signed.consortium)
    assert bid is not None
    assert (bid.reference, bid.reason, bid.winner) == ("PLN-1", LossReason.PRICE, "演示对手")
    assert await signed.held() == {}
    assert (await signed.amendment(open_one)).row.state == "withdrawn"
    with pytest.raises(IllegalTransition):
        await act(signed, filings.waive, (await tasks(signed))["EXP-du"].row.id, NOTE)


async def test_the_lead_member_may_act_for_all_and_no_other_member(signed: Signed) -> None:
    with pytest.raises(NotAllowed):
        await act(signed, progress.confirm_filed, signed.consortium, NOTE, signed.second)

    await act(signed, progress.confirm_filed, signed.consortium, NOTE, signed.first)

    assert (await signed.row()).state is ConsortiumState.FILED
    with pytest.raises(IllegalTransition):
        await act(signed, progress.win, signed.consortium, DayIn(on=await today(signed)))


async def test_the_bureau_counts_every_step_from_what_happened(signed: Signed) -> None:
    async with signed.sessions.begin() as session:
        bureau = actor_of(await make_organisation(session, Role.BUREAU))
        session.add(Event(code="opportunity.published", organisation_id=signed.leader.organisation_id,
                          subject_id=signed.opportunity, opportunity_id=signed.opportunity))  # fmt: skip

    async def counts() -> dict[str, int]:
        async with signed.sessions() as session:
            return {each.code: each.value for each in await history.figures(session, bureau, tuple(history.FUNNEL))}

    road = ("filed", "bid", "won", "running", "closed")
    assert list(history.FUNNEL)[-5:] == list(road)
    for number, step in enumerate(road):
        assert [(await counts())[each] for each in road] == [1] * number + [0] * (5 - number)
        await steps(signed, step)
    assert [(await counts())[each] for each in road] == [1] * 5


@pytest.mark.parametrize("end", ["closed", "lost"])
async def test_nothing_is_held_once_a_consortium_has_ended(signed: Signed, end: str) -> None:
    await steps(signed, "filed", "bid", *(("lost",) if end == "lost" else ("won", "running")))
    if end == "closed":
        assert {seat.state for seat in (await signed.seats()).values()} == {MembershipState.ACTIVE}
        assert await signed.held() == {"hard": 36}
        await steps(signed, "closed")

    assert await signed.held() == {}


@pytest.mark.parametrize("signatures", [0, 1])
async def test_dissolving_before_all_have_signed_gives_back_soft_and_hard_holds_alike(
    scene: Scene, signatures: int
) -> None:
    identity, sha256 = await scene.agreed()
    for firm in (scene.cells, scene.power)[:signatures]:
        async with scene.sessions.begin() as session:
            await consortia.sign(session, firm, identity, sha256)
    assert await scene.reserved() == 36

    async with scene.sessions.begin() as session:
        await consortia.dissolve(session, scene.leader, identity)

    assert await scene.reserved() == 0


# ------------------------------------------------------------------ milestones


async def markers(signed: Signed, actor: Actor | None = None) -> list[marking.Marker]:
    async with signed.sessions() as session:
        return list(await marking.markers(session, actor or signed.leader, signed.consortium))


async def test_milestones_are_planned_from_the_window_reported_by_who_does_the_work_and_slip_by_days(
    signed: Signed,
) -> None:
    await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))
    await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))
    assert len(await markers(signed)) == 15
    (planned,) = await signed.events("milestone.planned")
    assert (planned.params["count"], planned.params["first"], planned.params["last"]) == (
        15,
        "2031-01-01",
        "2031-03-31",
    )
    mine = [
        each.row
        for each in await markers(signed, signed.third)
        if each.row.organisation_id == signed.third.organisation_id
    ]
    shipped = next(row for row in mine if row.kind == "shipped")
    started = next(row for row in mine if row.kind == "started")
    with pytest.raises(IllegalTransition):
        await act(signed, milestones.report, shipped.id, ReportIn(done=10), signed.third)

    await steps(signed, "filed", "bid", "won")
    late = shipped.planned + timedelta(days=9)
    await act(signed, milestones.report, shipped.id, ReportIn(done=60, forecast=late, note="缺料"), signed.third)
    await act(signed, milestones.report, started.id, ReportIn(done=100, actual=await today(signed)), signed.third)
    with pytest.raises(NotAllowed):
        await act(signed, milestones.report, shipped.id, ReportIn(done=70), signed.first)

    found = {each.row.id: each for each in await markers(signed)}
    assert (found[shipped.id].slippage, found[shipped.id].pace) == (9, Pace.SLIPPING)
    assert (found[started.id].pace, found[started.id].slippage) == (
        Pace.REACHED,
        (await today(signed) - started.planned).days,
    )
    assert MilestoneOut.from_marker(found[shipped.id]).slippage_days == 9
    (event,) = await signed.events("milestone.reported")
    assert (event.params["before"], event.params["after"]) == (
        f"{shipped.planned} - - 0%",
        f"{shipped.planned} {late} - 60%",
    )


async def test_a_member_that_has_not_promised_confidentiality_learns_nobodys_name_from_what_follows(
    signed: Signed,
) -> None:
    async with signed.sessions.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        third = sa.select(col(Membership.id)).where(col(Membership.organisation_id) == signed.third.organisation_id)
        promise = sa.delete(ConfidentialityAcceptance)
        await session.execute(promise.where(col(ConfidentialityAcceptance.membership_id).in_(third)))
    await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))
    identity = await signed.propose(**await signed.shift())
    await signed.sign(identity, signed.first, signed.second)
    await act(signed, progress.confirm_filed, signed.consortium, NOTE, signed.first)

    mine = {signed.third.organisation_id}
    assert {each.row.organisation_id for each in await markers(signed, signed.third)} == mine
    async with signed.sessions() as session:
        told = await events.latest(session, signed.third, consortium=signed.consortium)
        with pytest.raises(ConfidentialityFirst):
            await proposed.view(session, signed.third, identity)
    assert {each.organisation_id for each in told} <= mine | {signed.leader.organisation_id}
    assert {"amendment.in_force", "consortium.moved"} <= {each.code for each in told}


async def test_the_leader_moves_what_is_planned_and_not_what_was_reached(signed: Signed) -> None:
    firm = signed.third.organisation_id
    one = {"package": "WP2", "organisation_id": firm, "kind": "shipped", "planned": "2031-02-01"}
    await act(signed, milestones.plan, signed.consortium, PlanIn.model_validate({"milestones": [one]}))
    await act(signed, milestones.plan, signed.consortium, PlanIn.model_validate({"milestones": [one]}))
    await act(
        signed,
        milestones.plan,
        signed.consortium,
        PlanIn.model_validate({"milestones": [one | {"planned": "2031-02-09"}]}),
    )
    (row,) = [each.row for each in await markers(signed)]
    assert row.planned == date(2031, 2, 9)
    (moved,) = await signed.events("milestone.moved")
    assert moved.params["before"].startswith("2031-02-01")
    await steps(signed, "filed", "bid", "won")
    await act(signed, milestones.report, row.id, ReportIn(done=100, actual=await today(signed)), signed.third)

    with pytest.raises(Invalid) as refused:
        await act(
            signed,
            milestones.plan,
            signed.consortium,
            PlanIn.model_validate({"milestones": [one, one | {"package": "WP1"}]}),
        )
    with pytest.raises(NotAllowed):
        await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True), signed.third)
    await steps(signed, "running", "closed")
    with pytest.raises(IllegalTransition):
        await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))

    assert [fault.code for fault in refused.value.faults] == ["reached-already", "no-such-part"]


async def test_milestones_of_work_that_a_firm_gives_up_fall_away_with_the_amendment(signed: Signed) -> None:
    await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))
    given = {
        "reason": "第二家退出。",
        "exits": [{"membership_id": (await signed.seat(signed.second)).id}],
        "seats": [await signed.lines(signed.first, WP1=30)],
    }
    await signed.sign(await signed.propose(**given), signed.first, signed.third, signed.second)

    assert {each.row.organisation_id for each in await markers(signed)} == {
        signed.first.organisation_id, signed.third.organisation_id,
    }  # fmt: skip
    assert len(await signed.events("milestone.dropped")) == 5
    assert await signed.held(signed.second) == {}


async def test_a_schedule_for_spreadsheets_holds_no_formula(signed: Signed) -> None:
    await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))
    await steps(signed, "filed", "bid", "won")
    mine = next(each.row for each in await markers(signed) if each.row.organisation_id == signed.third.organisation_id)
    await act(signed, milestones.report, mine.id, ReportIn(done=1, note='=HYPERLINK("http://x")'), signed.third)

    text = schedule("zh-CN", await markers(signed))

    assert text.startswith("\ufeff工作包,")
    assert "'=HYPERLINK" in text
    assert ",=HYPERLINK" not in text
    assert ',"=' not in text


# ------------------------------------------------------------------ evaluations


async def judge(signed: Signed, by: Actor, about: Actor, **over: Any) -> UUID:
    given = EvaluationIn.model_validate({"about_id": about.organisation_id, **MARKS, "text": "按期交付。"} | over)
    return (await act(signed, evaluations.give, signed.consortium, given, by)).id  # type: ignore[no-any-return]


async def record(signed: Signed, about: Actor, reader: Actor | None = None) -> Record:
    async with signed.sessions() as session:
        return await said.record_of(session, reader or signed.fourth, about.organisation_id)


async def test_partners_judge_each_other_once_after_the_end_and_few_cases_are_no_figure(signed: Signed) -> None:
    with pytest.raises(EvaluationClosed):
        await judge(signed, signed.leader, signed.first)
    await steps(signed, "filed", "bid", "won", "running", "closed")
    assert len(await owed(signed, "evaluation", signed.leader)) == 3
    assert len(await owed(signed, "evaluation", signed.first)) == 1

    told = await judge(signed, signed.leader, signed.first)
    assert (await record(signed, signed.first)).cases == 0
    async with signed.sessions() as session:
        (seen,) = await said.partings(session, signed.first, signed.consortium)
        with pytest.raises(NotFound):
            await said.between(session, signed.second, told)
    assert seen.received is not None
    assert not seen.received.public
    (reply,) = await owed(signed, "reply", signed.first)
    assert reply.subject_id == told
    await act(signed, evaluations.reply, told, ReplyIn(text="首批延误系封航。"), signed.first)
    await judge(signed, signed.first, signed.leader)

    one = await record(signed, signed.first)
    assert (one.cases, one.said, {each.hundredths for each in one.averages}) == (1, (), {None})


async def test_from_three_cases_on_a_firm_has_figures(signed: Signed) -> None:
    await steps(signed, "filed", "bid", "won", "running", "closed")
    await judge(signed, signed.first, signed.leader)
    await judge(signed, signed.leader, signed.first)
    for partner in (signed.second, signed.third):
        await judge(signed, partner, signed.leader, fairness=1)
        await judge(signed, signed.leader, partner)
    whole = await record(signed, signed.leader)
    assert whole.cases == 3
    assert {each.criterion.value: each.hundredths for each in whole.averages} == {
        "timeliness": 500, "quality": 400, "cooperation": 400, "clarity": 300, "fairness": 233,
    }  # fmt: skip
    assert await owed(signed, "evaluation", signed.leader) == []
    assert len(await signed.events("evaluation.given", "evaluation.replied")) == 6


async def test_an_evaluation_and_a_reply_are_given_once_by_those_they_are_between(signed: Signed) -> None:
    await steps(signed, "filed", "bid", "won", "running", "closed")
    told = await judge(signed, signed.leader, signed.first)

    for again in (signed.first, signed.second):
        with pytest.raises((EvaluationClosed, NotAllowed)):
            await judge(signed, signed.leader if again is signed.first else signed.first, again)
    with pytest.raises(NotAllowed):
        await act(signed, evaluations.reply, told, ReplyIn(text="自答。"))
    await act(signed, evaluations.reply, told, ReplyIn(text="谢谢。"), signed.first)
    with pytest.raises(IntegrityError):
        await act(signed, evaluations.reply, told, ReplyIn(text="再答。"), signed.first)
    with pytest.raises(IntegrityError, match="keeps every row"):
        async with signed.sessions.begin() as session:
            await session.execute(sa.text("update evaluation set quality = 1"))


async def test_a_member_that_has_left_is_evaluated_from_its_exit_on(signed: Signed) -> None:
    given = {
        "reason": "退出。",
        "exits": [{"membership_id": (await signed.seat(signed.third)).id}],
        "seats": [await signed.lines(signed.second, WP1=15, WP2=6)],
    }
    identity = await signed.propose(**given)
    assert len(await owed(signed, "amendment", signed.third)) == 1
    assert await owed(signed, "amendment", signed.fourth) == []
    await signed.sign(identity, *signed.members)

    await judge(signed, signed.third, signed.leader)
    await judge(signed, signed.leader, signed.third)
    with pytest.raises(EvaluationClosed):
        await judge(signed, signed.leader, signed.first)

    assert (await record(signed, signed.third)).cases == 1


async def test_milestones_that_fall_due_are_owed_by_who_does_the_work_until_they_are_reached(signed: Signed) -> None:
    await act(signed, milestones.plan, signed.consortium, PlanIn(usual=True))
    assert await owed(signed, "milestone", signed.third) == []
    await steps(signed, "filed", "bid", "won")
    due = await owed(signed, "milestone", signed.third)
    assert len(due) == 5
    assert due == sorted(due, key=lambda each: each.due)

    await act(
        signed, milestones.report, due[0].subject_id, ReportIn(done=100, actual=await today(signed)), signed.third
    )

    assert [each.subject_id for each in await owed(signed, "milestone", signed.third)] == [
        each.subject_id for each in due[1:]
    ]
    async with signed.sessions.begin() as session:
        await amendments.drop_open(session, signed.leader, await session.get_one(Consortium, signed.consortium))
