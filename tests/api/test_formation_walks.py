"""Random walks over a formation's whole life on a real database, beside a plain model that knows only the rules.

The model says of every step whether it is allowed and what follows. After each step the database is what the model is,
and what must hold in every moment holds: units are covered once, what is held is what is promised, one leads, editions
only grow, and nobody answers an edition that has been replaced.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import consortia, negotiation, suggestions
from api.db import make_engine, make_sessions
from api.jobs.deadlines import expire
from api.problems import Internal, refusal_of
from api.queries import consortia as reading
from api.wire.consortia import AcceptIn, ConsortiumIn, DeclineIn, FillIn, InviteIn, LineIn, TermsIn
from api.wire.negotiation import CONFIDENTIALITY, ConfidentialityIn, ExtensionIn
from domain.actor import Actor
from domain.kinds import DeclineReason, OpportunityState, Role
from tests.api.storm import plan, run
from tests.conftest import empty
from tests.factories import (
    actor_of,
    make_capability,
    make_job,
    make_opportunity,
    make_organisation,
    make_package,
    make_user,
)

SPAN: dict[str, Any] = {"starts": date(2031, 1, 1), "ends": date(2031, 3, 31)}
FAR = datetime(2030, 12, 1, tzinfo=UTC)
QUANTITY = 10
PACKAGES = ("WP0", "WP1")
PLANS: tuple[dict[str, str], ...] = (
    {"WP0": "ash", "WP1": "birch"},
    {"WP0": "ash", "WP1": "cedar"},
    {"WP0": "cedar", "WP1": "birch"},
)
"""Who takes which package in each plan of the run; whoever takes WP0 leads."""

PENDING = {"proposed", "invited", "countered"}
SETTLED = {"accepted", "signed"}
HELD = sa.text(
    "select coalesce(sum(quantity), 0) from capacity_hold where membership_id = :member and state in ('soft', 'hard')"
)
HOLDING = {"invited", "countered", "accepted", "signed"}
SEATS = st.integers(0, 5)


@dataclass
class Seat:
    """A seat as the rules have it."""

    firm: str
    lead: bool
    units: dict[str, int]
    state: str = "proposed"
    edition: int = 1
    newest: int = 1
    counter: dict[str, int] | None = None
    promised: bool = False
    answerable: bool = False
    asked: int = 0

    @property
    def live(self) -> bool:
        return self.state in PENDING | SETTLED


@dataclass
class Model:
    """A consortium as the rules have it."""

    seats: list[Seat]
    state: str = "forming"
    signed: set[str] = field(default_factory=set)

    @property
    def live(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.live]

    def missing(self, package: str) -> int:
        return QUANTITY - sum(seat.units.get(package, 0) for seat in self.live)

    def restate(self) -> None:
        """Let the state follow the seats; whoever had signed what no longer holds has only accepted."""
        if self.state not in ("forming", "agreed"):
            return
        whole = (
            len(self.live) > 1
            and all(seat.state in SETTLED for seat in self.live)
            and all(self.missing(package) == 0 for package in PACKAGES)
            and sum(seat.lead for seat in self.live) == 1
        )
        now = "agreed" if whole else "forming"
        if now == "forming" and self.state == "agreed":
            self.signed.clear()
            for seat in self.live:
                seat.state = "accepted" if seat.state == "signed" else seat.state
        self.state = now

    def ask(self, seat: Seat, units: dict[str, int], edition: int) -> None:
        seat.units, seat.edition, seat.newest = units, edition, max(edition, seat.newest)
        seat.state, seat.counter, seat.answerable, seat.asked = "invited", None, True, edition


class Walk(RuleBasedStateMachine):
    """One walk: a leader, three firms, a project of two packages, one consortium at a time."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.engine = make_engine(self.url)
        self.sessions = make_sessions(self.engine)
        self.model = Model(seats=[])
        self.consortium = UUID(int=0)
        self.ids: list[UUID] = []
        self.grown: dict[UUID, int] = {}

    def teardown(self) -> None:
        self.runner.run(self._leave())
        self.runner.close()

    async def _leave(self) -> None:
        await empty(self.engine)
        await self.engine.dispose()

    # -------------------------------------------------------------- what is there

    @initialize()
    def town(self) -> None:
        self.runner.run(self._town())
        self._form()

    async def _town(self) -> None:
        async with self.sessions.begin() as session:
            owner = await make_organisation(session, Role.CHAIN_LEADER)
            self.leader = actor_of(owner, await make_user(session, owner))
            project = await make_opportunity(session, owner, state=OpportunityState.PUBLISHED, deadline=FAR, **SPAN)
            packages = {
                code: await make_package(session, project, code=code, position=n, quantity=QUANTITY, value=900, **SPAN)
                for n, code in enumerate(PACKAGES)
            }
            self.firms: dict[str, Actor] = {}
            able = {}
            for name in ("ash", "birch", "cedar"):
                firm = await make_organisation(session, name=name)
                self.firms[name] = actor_of(firm, await make_user(session, firm))
                able[name] = (firm, await make_capability(session, firm, unit="SET", monthly_quantity=100))
            plans = [plan([(*able[who], packages[code].id) for code, who in each.items()], QUANTITY) for each in PLANS]
            job = await make_job(session, organisation_id=owner.id)
            self.run_id = (await suggestions.keep(session, self.leader, job.id, project.id, 1, run(plans))).id
        self.named = {actor.organisation_id: name for name, actor in self.firms.items()}

    def attempt(self, deed: Callable[[AsyncSession], Awaitable[Any]]) -> str | None:
        """Do something in one transaction; return the code of its refusal, or None where it was done."""

        async def trying() -> str | None:
            try:
                async with self.sessions.begin() as session:
                    await deed(session)
            except Exception as error:
                refusal = refusal_of(error)
                if isinstance(refusal, Internal):
                    raise
                return refusal.code
            return None

        return self.runner.run(trying())

    def expect(self, allowed: bool, deed: Callable[[AsyncSession], Awaitable[Any]]) -> bool:
        """Do something, and hold that it is refused exactly where the rules say so."""
        code = self.attempt(deed)
        assert (code is None) == allowed, (code, self.model)
        return allowed

    def chosen(self, number: int) -> tuple[Seat, UUID]:
        place = number % len(self.model.seats)
        return self.model.seats[place], self.ids[place]

    @property
    def open(self) -> bool:
        return self.model.state in ("forming", "agreed")

    def _form(self, number: int = 1) -> None:
        made: list[UUID] = []

        async def form(session: AsyncSession) -> None:
            row = await consortia.form(session, self.leader, ConsortiumIn(suggestion_id=self.run_id, plan=number))
            made.append(row.id)

        assert self.attempt(form) is None
        self.consortium = made[0]
        self.model = Model(seats=[])
        self.ids, self.grown = [], {}
        self._fresh(
            [Seat(firm=who, lead=code == "WP0", units={code: QUANTITY}) for code, who in PLANS[number - 1].items()]
        )

    def _fresh(self, added: list[Seat]) -> None:
        """Learn the ids of seats that were made; of one firm the newest is the one that lives."""
        found = {row["firm"]: row["id"] for row in self._rows() if row["id"] not in self.ids}
        for seat in added:
            self.model.seats.append(seat)
            self.ids.append(found[seat.firm])

    def _rows(self) -> list[dict[str, Any]]:
        return self.runner.run(self._read())[1]

    async def _read(self) -> tuple[str, list[dict[str, Any]], int]:
        async with self.sessions() as session:
            view = await reading.view(session, self.leader, self.consortium)
            rows = []
            for seat in view.every:
                member = seat.membership
                held = await session.scalar(HELD, {"member": member.id})
                editions = await reading.terms_editions(session, self.leader, member.id)
                rows.append(
                    {
                        "id": member.id, "firm": self.named[member.organisation_id], "state": str(member.state),
                        "lead": member.lead, "edition": member.edition, "held": held,
                        "units": {view.packages[line.package_id].code: line.units for line in seat.lines},
                        "editions": [terms.edition for terms in editions],
                    }
                )  # fmt: skip
            total = (
                await session.execute(sa.text("select coalesce(sum(reserved), 0) from capacity_month"))
            ).scalar_one()
        return str(view.consortium.state), rows, total

    # -------------------------------------------------------------- what people do

    @precondition(lambda self: self.model.state == "dissolved")
    @rule(number=st.integers(1, len(PLANS)))
    def form_again(self, number: int) -> None:
        self._form(number)

    @rule()
    def invite(self) -> None:
        asked = [seat for seat in self.model.seats if seat.state == "proposed"]
        if self.expect(
            self.open and bool(asked),
            lambda s: consortia.invite(s, self.leader, self.consortium, InviteIn()),
        ):
            for seat in asked:
                self.model.ask(seat, seat.units, seat.edition)
            self.model.restate()

    @rule(number=SEATS)
    def accept(self, number: int) -> None:
        seat, identity = self.chosen(number)
        allowed = self.open and seat.answerable and seat.state in ("invited", "countered", "declined")
        if allowed and seat.state == "declined":
            others = [each for each in self.model.live if each.firm == seat.firm]
            led = any(each.lead for each in self.model.live)
            fits = all(units <= self.model.missing(package) for package, units in seat.units.items())
            allowed = fits and not others and not (led and seat.lead)
        given = AcceptIn(edition=seat.edition)
        if self.expect(allowed, lambda s: consortia.accept(s, self.firms[seat.firm], identity, given)):
            seat.state, seat.counter = "accepted", None
            self.model.restate()

    @rule(number=SEATS, units=st.integers(1, QUANTITY))
    def counter(self, number: int, units: int) -> None:
        seat, identity = self.chosen(number)
        allowed = self.open and seat.answerable and seat.state in ("invited", "accepted")
        lines = tuple(LineIn(package=package, units=units, unit_price=9) for package in seat.units)
        given = TermsIn(edition=seat.edition, lines=lines)
        if self.expect(allowed, lambda s: consortia.counter(s, self.firms[seat.firm], identity, given)):
            seat.state, seat.counter, seat.newest = "countered", dict.fromkeys(seat.units, units), seat.newest + 1
            self.model.restate()

    @rule(number=SEATS, reason=st.sampled_from(list(DeclineReason)))
    def decline(self, number: int, reason: DeclineReason) -> None:
        seat, identity = self.chosen(number)
        allowed = self.open and seat.answerable and seat.state in ("invited", "accepted", "countered")
        given = DeclineIn(edition=seat.edition, reason=reason)
        if self.expect(allowed, lambda s: consortia.decline(s, self.firms[seat.firm], identity, given)):
            seat.state, seat.counter = "declined", None
            self.model.restate()

    @rule(number=SEATS, back=st.integers(1, 3))
    def answer_a_stale_edition(self, number: int, back: int) -> None:
        seat, identity = self.chosen(number)
        given = AcceptIn(edition=max(1, seat.edition - back))
        if given.edition != seat.edition:
            self.expect(False, lambda s: consortia.accept(s, self.firms[seat.firm], identity, given))

    @rule(number=SEATS, units=st.none() | st.integers(1, QUANTITY) | st.just(QUANTITY))
    def ask_again(self, number: int, units: int | None) -> None:
        seat, identity = self.chosen(number)
        lines = None if units is None else tuple(LineIn(package=each, units=units) for each in seat.units)
        back = seat.state == "expired" and (
            any(each.firm == seat.firm for each in self.model.live)
            or (seat.lead and any(each.lead for each in self.model.live))
        )
        allowed = self.open and not back and seat.state in ("proposed", "countered", "accepted", "expired")
        if units is None:
            allowed = allowed and seat.state == "countered"
        if self.expect(allowed, lambda s: consortia.ask_again(s, self.leader, identity, lines)):
            if units is None:
                assert seat.counter is not None
                self.model.ask(seat, seat.counter, seat.newest)
            else:
                self.model.ask(seat, dict.fromkeys(seat.units, units), seat.newest + 1)
            self.model.restate()

    @rule(number=SEATS)
    def withdraw(self, number: int) -> None:
        seat, identity = self.chosen(number)
        if self.expect(self.open and seat.live, lambda s: consortia.withdraw(s, self.leader, identity)):
            seat.state, seat.answerable = "withdrawn", False
            self.model.signed.discard(seat.firm)
            self.model.restate()

    @rule(number=SEATS, hours=st.integers(1, 48))
    def extend(self, number: int, hours: int) -> None:
        seat, identity = self.chosen(number)
        allowed = self.open and seat.answerable and seat.state in ("invited", "countered", "accepted", "signed")
        self.expect(allowed, lambda s: negotiation.extend(s, self.leader, identity, ExtensionIn(hours=hours)))

    @rule(number=SEATS)
    def promise(self, number: int) -> None:
        seat, identity = self.chosen(number)
        given = ConfidentialityIn(edition=CONFIDENTIALITY)
        if self.expect(seat.state in HOLDING, lambda s: negotiation.promise(s, self.firms[seat.firm], identity, given)):
            seat.promised = True

    @rule(number=SEATS)
    def lapse(self, number: int) -> None:
        """Let the time of one seat's question run out; a worker expires what is unanswered."""
        seat, identity = self.chosen(number)
        self.runner.run(self._lapse(identity))
        seat.answerable = False
        if seat.state in ("invited", "countered"):
            seat.state, seat.counter = "expired", None
            self.model.restate()

    async def _lapse(self, identity: UUID) -> None:
        async with self.sessions.begin() as session:
            await session.execute(sa.text("set local session_replication_role = replica"))
            await session.execute(
                sa.text("update invitation set sent_at = now() - interval '9 days', deadline = now() - interval '1 day'"
                        " where membership_id = :seat"),
                {"seat": identity},
            )  # fmt: skip
        await expire(self.sessions)

    @rule(number=st.integers(1, len(PLANS)))
    def fill(self, number: int) -> None:
        wanted = PLANS[number - 1]
        given = FillIn(suggestion_id=self.run_id, plan=number)
        sitting = {seat.firm: seat for seat in self.model.live}
        more = [seat for code, who in wanted.items() if (seat := sitting.get(who)) and code not in seat.units]
        allowed = self.model.state == "forming" and all(
            seat.state in ("proposed", "countered", "accepted") for seat in more
        )
        if not self.expect(allowed, lambda s: consortia.fill(s, self.leader, self.consortium, given)):
            return
        led = any(seat.lead for seat in self.model.live)
        left = [seat for seat in self.model.seats if seat.state in ("declined", "expired")]
        left.sort(key=lambda seat: not seat.lead)
        added = []
        for code, who in wanted.items():
            if seat := sitting.get(who):
                if code not in seat.units:
                    self._widened(seat, code)
                continue
            before = next((old for old in left if code in old.units), None)
            if before is not None:
                left.remove(before)
                before.state = "replaced"
            added.append(Seat(firm=who, lead=not led and code == "WP0", units={code: QUANTITY}))
        self._fresh(added)
        self.model.restate()

    def _widened(self, seat: Seat, code: str) -> None:
        units = seat.units | {code: QUANTITY}
        if seat.state == "proposed":
            seat.units, seat.edition, seat.newest = units, seat.newest + 1, seat.newest + 1
        else:
            self.model.ask(seat, units, seat.newest + 1)

    @rule(number=SEATS)
    def sign(self, number: int) -> None:
        seat, _ = self.chosen(number)
        identity = self.consortium
        allowed = self.model.state == "agreed" and seat.state == "accepted"
        live = next((each for each in self.model.live if each.firm == seat.firm), None)
        if live is not None and live is not seat:
            seat, allowed = live, self.model.state == "agreed" and live.state == "accepted"

        async def signing(session: AsyncSession) -> None:
            found = await reading.agreement(session, self.leader, identity)
            sha256 = found[0].sha256 if found else "0" * 64
            await consortia.sign(session, self.firms[seat.firm], identity, sha256)

        if self.expect(allowed, signing):
            seat.state = "signed"
            self.model.signed.add(seat.firm)
            if all(each.state == "signed" for each in self.model.live):
                self.model.state = "signed"

    @rule()
    def dissolve(self) -> None:
        if self.expect(self.open, lambda s: consortia.dissolve(s, self.leader, self.consortium)):
            self.model.state = "dissolved"
            for seat in self.model.live:
                seat.state, seat.answerable = "withdrawn", False

    # -------------------------------------------------------------- what holds in every moment

    @invariant()
    def the_database_is_what_the_rules_say(self) -> None:
        if not self.ids:
            return
        state, rows, reserved = self.runner.run(self._read())
        found = {row["id"]: row for row in rows}
        assert state == self.model.state
        assert len(rows) == len(self.model.seats)
        for seat, identity in zip(self.model.seats, self.ids, strict=True):
            row = found[identity]
            said = (row["firm"], row["state"], row["edition"], row["units"], row["lead"])
            assert said == (seat.firm, seat.state, seat.edition, seat.units, seat.lead)
            assert row["held"] == (sum(seat.units.values()) if seat.state in HOLDING else 0)
            assert row["editions"] == list(range(1, seat.newest + 1))
            assert seat.newest >= self.grown.get(identity, 0)
            self.grown[identity] = seat.newest
        assert reserved == sum(row["held"] for row in rows)
        assert sum(row["lead"] for row in rows if row["state"] in PENDING | SETTLED) <= 1
        if state in ("agreed", "signed"):
            covered = [row for row in rows if row["state"] in SETTLED]
            assert all(sum(row["units"].get(code, 0) for row in covered) == QUANTITY for code in PACKAGES)
            assert sum(row["lead"] for row in covered) == 1


def walked(database_url: str, examples: int, steps: int) -> None:
    """Walk so many walks of so many steps on a database."""

    class Here(Walk):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_any_walk_keeps_what_must_hold(database_url: str) -> None:
    walked(database_url, examples=8, steps=30)


@pytest.mark.long
def test_any_long_walk_keeps_what_must_hold(database_url: str) -> None:
    walked(database_url, examples=400, steps=80)
