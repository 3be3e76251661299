"""A storm of formation: clients that do whatever comes to mind, all at once, on capacities they share.

python -m tests.api.storm URL SEED CLIENTS OPERATIONS     one process of it; its tally goes to stdout as JSON
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import capabilities, consortia, suggestions
from api.db import make_engine, make_sessions
from api.jobs.deadlines import expire
from api.problems import Internal, refusal_of
from api.wire.consortia import AcceptIn, ConsortiumIn, DeclineIn, FillIn, InviteIn, LineIn, TermsIn
from api.wire.firms import CapacityIn, MonthIn
from coalitions.suggestion import Part, Proposal, Seat, Suggested
from domain.actor import Actor
from domain.calendar import months
from domain.errors import Stale
from domain.kinds import DeclineReason, OpportunityState, Role
from domain.records import Organisation, Suggestion
from tests.factories import (
    actor_of,
    make_capability,
    make_job,
    make_opportunity,
    make_organisation,
    make_package,
    make_user,
)

Sessions = async_sessionmaker[AsyncSession]
SPAN: dict[str, Any] = {"starts": date(2031, 1, 1), "ends": date(2031, 3, 31)}
FAR = datetime(2030, 12, 1, tzinfo=UTC)
SUPPLIERS, PROJECTS, PACKAGES, UNITS, MONTHLY = 10, 40, 2, 10, 14
MOST_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Who acts in the storm, by organisation."""

    leader: Actor
    firms: dict[UUID, Actor]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of the operations, and how often one met another."""

    outcomes: Counter[str] = field(default_factory=Counter)
    again: int = 0
    beaten: int = 0

    @property
    def done(self) -> int:
        return sum(number for name, number in self.outcomes.items() if name.endswith(" done"))


async def found(sessions: Sessions) -> None:
    """Found the town: a leader, suppliers with one capability each, projects with two plans for every one."""
    async with sessions.begin() as session:
        owner = await make_organisation(session, Role.CHAIN_LEADER, name="演示风暴链主")
        leader = actor_of(owner, await make_user(session, owner))
        able = []
        for _ in range(SUPPLIERS):
            firm = await make_organisation(session)
            await make_user(session, firm)
            able.append((firm, await make_capability(session, firm, unit="SET", monthly_quantity=MONTHLY)))
        for number in range(PROJECTS):
            project = await make_opportunity(session, owner, state=OpportunityState.PUBLISHED, deadline=FAR, **SPAN)
            packages = [
                await make_package(session, project, code=f"WP{place}", position=place, quantity=UNITS, **SPAN)
                for place in range(PACKAGES)
            ]
            plans = [
                plan(
                    [
                        (*able[(number + turn + 3 * place) % SUPPLIERS], package.id)
                        for place, package in enumerate(packages)
                    ]
                )
                for turn in range(2)
            ]
            job = await make_job(session, organisation_id=owner.id)
            await suggestions.keep(session, leader, job.id, project.id, 1, run(plans))


def plan(taken: Sequence[tuple[Any, Any, UUID]], units: int = UNITS) -> Proposal:
    """Return a plan in which each firm takes all units of one package, with the capability it has for that."""
    return Proposal(
        status="optimal", stopped="proved", gap=0.0, sme_share=0, fit=90, ties=0, lead_days=None, reasons=(),
        seats=tuple(
            Seat(
                supplier_id=firm.id, name=firm.name, sme=True, lead=place == 0, share=3_333, reasons=(),
                parts=(Part(package_id=package, offering_id=capability.id, units=units, share=10_000, fit=90,
                            way="words", runners_up=0),),
            )
            for place, (firm, capability, package) in enumerate(taken)
        ),
    )  # fmt: skip


def run(plans: Sequence[Proposal]) -> Suggested:
    """Return a finished run with these plans."""
    return Suggested(
        digest="0" * 64, seed=0, status="optimal", stopped="proved", gap=0.0, seconds=0.1, candidates=SUPPLIERS,
        within_budget=None, proposals=tuple(plans), coverage=(), missing=(), diagnosis=(),
    )  # fmt: skip


async def town_of(sessions: Sessions) -> Town:
    """Return the town as it was founded, for any process."""
    async with sessions() as session:
        people = (await session.execute(sa.text("select organisation_id, id from user_account"))).all()
        actors = {}
        for organisation_id, user_id in people:
            firm = await session.get_one(Organisation, organisation_id)
            roles = frozenset(Role(role) for role in firm.roles)
            actors[organisation_id] = Actor(user_id=user_id, organisation_id=organisation_id, roles=roles)
    leader = next(actor for actor in actors.values() if Role.CHAIN_LEADER in actor.roles)
    return Town(leader=leader, firms={key: actor for key, actor in actors.items() if actor is not leader})


# ------------------------------------------------------------------ what comes to mind


class Idle(Exception):
    """There is nothing of the kind to be done."""


@dataclass(slots=True, kw_only=True)
class Client:
    """One who acts, now as the leader, now as a supplier; the dice are its own."""

    sessions: Sessions
    town: Town
    dice: Random
    tally: Tally

    async def act(self, name: str) -> None:
        """Do one thing; when somebody else was first, try again up to five times."""
        for attempt in range(MOST_TRIES + 1):
            try:
                await DEEDS[name](self)
            except Idle:
                self.tally.outcomes[f"{name} idle"] += 1
            except Exception as error:
                refusal = refusal_of(error)
                if isinstance(refusal, Internal):
                    raise
                if isinstance(refusal, Stale) and attempt < MOST_TRIES:
                    self.tally.again += 1
                    await asyncio.sleep(self.dice.random() * 0.01 * 2**attempt)
                    continue
                self.tally.beaten += isinstance(refusal, Stale)
                self.tally.outcomes[f"{name} {refusal.code}"] += 1
            else:
                self.tally.outcomes[f"{name} done"] += 1
            return

    async def one(self, sql: str) -> Any:
        """Return a row at random. Raises Idle when there is none."""
        async with self.sessions() as session:
            rows = (await session.execute(sa.text(sql))).all()
        if not rows:
            raise Idle
        return self.dice.choice(rows)

    async def seat(self, states: str) -> Any:
        """Return a seat in one of the states; one time in ten any seat, so that what is out of turn is tried too."""
        where = "true" if self.dice.random() < 0.1 else f"m.state in ({states})"
        return await self.one(
            "select m.id, m.organisation_id, m.edition, m.consortium_id, p.code from membership m"
            " join terms t on t.membership_id = m.id and t.edition = m.edition join terms_line l on l.terms_id = t.id"
            f" join work_package p on p.id = l.package_id where {where}"
        )

    async def form(self) -> None:
        chosen = await self.one(
            "select s.id from suggestion s where random() < 0.1 or not exists (select from consortium c"
            " where c.opportunity_id = s.opportunity_id and c.state in ('forming', 'agreed', 'signed'))"
        )
        async with self.sessions.begin() as session:
            given = ConsortiumIn(suggestion_id=chosen.id, plan=self.dice.randint(1, 2))
            await consortia.form(session, self.town.leader, given)

    async def fill(self) -> None:
        """Replace who has left by the firms of the project's other plan."""
        chosen = await self.one(
            "select c.id, c.suggestion_id, c.plan from consortium c join membership m on m.consortium_id = c.id"
            " where c.state = 'forming' and m.state in ('declined', 'expired', 'withdrawn')"
        )
        async with self.sessions.begin() as session:
            await session.get_one(Suggestion, chosen.suggestion_id)
            given = FillIn(suggestion_id=chosen.suggestion_id, plan=3 - chosen.plan)
            await consortia.fill(session, self.town.leader, chosen.id, given)

    async def invite(self) -> None:
        seat = await self.seat("'proposed'")
        only = (seat.id,) if self.dice.random() < 0.3 else None
        async with self.sessions.begin() as session:
            given = InviteIn(membership_ids=only, hours=self.dice.randint(1, 72))
            await consortia.invite(session, self.town.leader, seat.consortium_id, given)

    async def ask_again(self) -> None:
        seat = await self.seat("'countered', 'accepted', 'expired', 'invited'")
        lines = (LineIn(package=seat.code, units=self.dice.choice([UNITS, self.dice.randint(1, UNITS)])),)
        async with self.sessions.begin() as session:
            given = lines if self.dice.random() < 0.7 else None
            await consortia.ask_again(session, self.town.leader, seat.id, given)

    async def withdraw(self) -> None:
        seat = await self.seat("'proposed', 'invited', 'accepted', 'signed'")
        async with self.sessions.begin() as session:
            await consortia.withdraw(session, self.town.leader, seat.id)

    async def dissolve(self) -> None:
        chosen = await self.one("select id from consortium where state <> 'dissolved'")
        async with self.sessions.begin() as session:
            await consortia.dissolve(session, self.town.leader, chosen.id)

    async def accept(self) -> None:
        seat = await self.seat("'invited'")
        async with self.sessions.begin() as session:
            given = AcceptIn(edition=seat.edition)
            await consortia.accept(session, self.town.firms[seat.organisation_id], seat.id, given)

    async def counter(self) -> None:
        seat = await self.seat("'invited'")
        lines = (LineIn(package=seat.code, units=self.dice.randint(1, UNITS), unit_price=self.dice.randint(1, 99)),)
        async with self.sessions.begin() as session:
            given = TermsIn(edition=seat.edition, lines=lines)
            await consortia.counter(session, self.town.firms[seat.organisation_id], seat.id, given)

    async def decline(self) -> None:
        seat = await self.seat("'invited', 'accepted'")
        async with self.sessions.begin() as session:
            given = DeclineIn(edition=seat.edition, reason=self.dice.choice(list(DeclineReason)))
            await consortia.decline(session, self.town.firms[seat.organisation_id], seat.id, given)

    async def sign(self) -> None:
        chosen = await self.one(
            "select m.organisation_id, c.id, (select a.sha256 from agreement a where a.consortium_id = c.id"
            " order by a.edition desc limit 1) as sha256 from consortium c join membership m on m.consortium_id = c.id"
            " where c.state = 'agreed' and m.state in ('accepted', 'signed')"
        )
        async with self.sessions.begin() as session:
            await consortia.sign(session, self.town.firms[chosen.organisation_id], chosen.id, chosen.sha256)

    async def declare(self) -> None:
        chosen = await self.one("select id, organisation_id from capability")
        given = CapacityIn(
            months=tuple(
                MonthIn(month=month, declared=self.dice.randint(MONTHLY // 3, 2 * MONTHLY))
                for month in months(SPAN["starts"], SPAN["ends"])
                if self.dice.random() < 0.6
            ) or (MonthIn(month=SPAN["starts"], declared=MONTHLY),)
        )  # fmt: skip
        async with self.sessions.begin() as session:
            await capabilities.set_capacity(session, self.town.firms[chosen.organisation_id], chosen.id, given)

    async def lapse(self) -> None:
        """Let the time of one question run out, as if days had passed, then do what a worker does every few seconds."""
        chosen = await self.one("select id from invitation where state in ('sent', 'countered')")
        async with self.sessions.begin() as session:
            await session.execute(sa.text("set local session_replication_role = replica"))
            await session.execute(
                sa.text("update invitation set sent_at = sent_at - interval '9 days',"
                        " deadline = deadline - interval '9 days' where id = :id"),
                {"id": chosen.id},
            )  # fmt: skip
        await expire(self.sessions)


DEEDS: dict[str, Callable[[Client], Awaitable[None]]] = {
    "form": Client.form, "fill": Client.fill, "invite": Client.invite, "ask_again": Client.ask_again,
    "withdraw": Client.withdraw, "dissolve": Client.dissolve, "accept": Client.accept, "counter": Client.counter,
    "decline": Client.decline, "sign": Client.sign, "declare": Client.declare, "lapse": Client.lapse,
}  # fmt: skip
OFTEN = {
    "form": 9, "fill": 5, "invite": 14, "ask_again": 8, "withdraw": 3, "dissolve": 3, "accept": 28, "counter": 4,
    "decline": 4, "sign": 12, "declare": 6, "lapse": 3,
}  # fmt: skip


async def blow(sessions: Sessions, seed: int, clients: int, operations: int) -> Tally:
    """Let `clients` do `operations` things in all, each as soon as it can."""
    town, tally = await town_of(sessions), Tally()

    async def live(number: int) -> None:
        dice = Random(1_000 * seed + number)
        client = Client(sessions=sessions, town=town, dice=dice, tally=tally)
        for _ in range(operations // clients):
            await client.act(dice.choices(list(OFTEN), list(OFTEN.values()))[0])

    await asyncio.gather(*(live(number) for number in range(clients)))
    return tally


async def main(url: str, seed: int, clients: int, operations: int) -> None:
    """Be one process of the storm."""
    engine = make_engine(url, size=clients)
    tally = await blow(make_sessions(engine), seed, clients, operations)
    await engine.dispose()
    sys.stdout.write(json.dumps({"outcomes": tally.outcomes, "again": tally.again, "beaten": tally.beaten}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
