"""A quarter of a city for tests of the optimizer's answers: a project, five makers with prices, people who ask.

Prices are numbers found nowhere else, so that an answer that tells one is known by it. Every firm is fictional.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import auth
from api.app import create_app
from api.auth import COOKIE
from api.jobs import JOBS, JobFunction
from api.settings import Settings
from api.worker import run
from domain.actor import Actor
from domain.kinds import OpportunityState, Role
from domain.records import Opportunity
from tests.factories import (
    actor_of,
    make_capability,
    make_opportunity,
    make_organisation,
    make_package,
    make_price,
    make_requirement,
    make_user,
)
from tests.living import living

CELLS, POWER = "磷酸铁锂电芯", "储能变流器"
MAKERS = {
    "cells1": (CELLS, 1_618_033, True),
    "cells2": (CELLS, 1_414_213, False),
    "cells3": (CELLS, 1_732_050, True),
    "power1": (POWER, 2_236_067, True),
    "power2": (POWER, 2_645_751, False),
}
"""What each maker makes, its price of a set, and whether it is small."""
SPAN: dict[str, Any] = {"starts": date(2031, 1, 1), "ends": date(2031, 3, 31)}
FAR = datetime(2030, 12, 1, tzinfo=UTC)
RULES: dict[str, Any] = {"max_members": 3, "sme_share_min": 2_000}
GOALS: dict[str, Any] = {"weights": {"fit": 70, "price": 20, "members": 5, "resilience": 5}, "cohesion": {"give_up": 0}}


@dataclass
class Quarter:
    """The application, a worker beside it, and a client for each who asks."""

    sessions: async_sessionmaker[AsyncSession]
    transport: httpx.AsyncBaseTransport
    actors: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    project: str = ""

    def firm(self, name: str) -> str:
        """Return the id of a firm."""
        return str(self.actors[name].organisation_id)

    async def settle(self, session: AsyncSession, name: str, role: Role, **over: Any) -> None:
        """Add a firm with somebody who acts for it."""
        firm = await make_organisation(session, role, name=f"演示{name}", **over)
        user = await make_user(session, firm)
        opened = await auth.open_sign_in(session, user.id, timedelta(hours=1), browser=True)
        self.actors[name] = actor_of(firm, user)
        self.clients[name] = httpx.AsyncClient(
            transport=self.transport, base_url="http://127.0.0.1:8000", cookies={COOKIE: opened.secret}
        )

    async def people(self, **monthly: int) -> None:
        """Settle the makers with what they make, a leader, a bureau, and a firm that makes something else."""
        async with self.sessions.begin() as session:
            await self.settle(session, "leader", Role.CHAIN_LEADER, verification=2)
            await self.settle(session, "bureau", Role.BUREAU, verification=2)
            await self.settle(session, "other", Role.SUPPLIER)
            await make_capability(session, organisation_id=self.actors["other"].organisation_id, phrase="海缆敷设")
            for name, (phrase, price, small) in MAKERS.items():
                await self.settle(session, name, Role.SUPPLIER, sme=small)
                able = await make_capability(
                    session,
                    organisation_id=self.actors[name].organisation_id,
                    phrase=phrase,
                    monthly_quantity=monthly.get(name, 20),
                    lead_days=60,
                )
                await make_price(session, able, unit_price=price)
        self.project = await self.publish()

    async def publish(self, owner: str = "leader", **over: Any) -> str:
        """Publish a project of two packages; cells are critical and may be split."""
        async with self.sessions.begin() as session:
            usual: dict[str, Any] = {
                "organisation_id": self.actors[owner].organisation_id,
                "state": OpportunityState.PUBLISHED,
                "deadline": FAR,
                "budget": 300_000_000,
                "rules": RULES,
                "goals": GOALS,
            }
            row: Opportunity = await make_opportunity(session, **usual | SPAN | over)
            for position, (phrase, critical) in enumerate(((CELLS, True), (POWER, False)), 1):
                package = await make_package(
                    session, row, code=f"WP0{position}", name=phrase, position=position, quantity=40, value=120_000_000,
                    max_suppliers=2, critical=critical, **SPAN,
                )  # fmt: skip
                await make_requirement(session, package)
            return str(row.id)

    async def ask(self, who: str, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """Send one request and return the answer's JSON."""
        response = await self.clients[who].request(method, f"/api/v1{path}", json=body)
        assert response.status_code == expect, response.text
        return response.json()

    async def ended(self, who: str, job: str, *, seconds: float = 150) -> dict[str, Any]:
        """Wait for the end of a job."""
        async with asyncio.timeout(seconds):
            while True:
                found: dict[str, Any] = await self.ask(who, "GET", f"/jobs/{job}")
                if found["state"] in ("done", "failed", "cancelled"):
                    return found
                await asyncio.sleep(0.05)

    async def suggested(self, who: str = "leader", project: str = "", **given: Any) -> dict[str, Any]:
        """Ask for suggestions and return the run."""
        about = project or self.project
        asked = await self.ask(who, "POST", f"/opportunities/{about}/suggestions", {"plans": 1, **given}, expect=202)
        done = await self.ended(who, asked["id"])
        found: dict[str, Any] = await self.ask(who, "GET", f"/suggestions/{done['outcome']['suggestion_id']}")
        return found

    async def answered(self, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask a question and return its answer."""
        asked = await self.ask(who, "POST", path, body, expect=202)
        done = await self.ended(who, asked["id"])
        assert done["state"] == "done", done
        found: dict[str, Any] = await self.ask(who, "GET", f"/answers/{done['outcome']['answer_id']}")
        return found

    async def formed(self, run: dict[str, Any], *accepting: str) -> str:
        """Make a consortium from a run's plan, ask its members, and let some accept."""
        formed = await self.ask("leader", "POST", "/consortia", {"suggestion_id": run["id"], "plan": 1}, expect=201)
        await self.ask("leader", "POST", f"/consortia/{formed['id']}/invitations", {"hours": 72})
        for name in accepting:
            (seat,) = await self.ask(name, "GET", "/inbox")
            await self.ask(name, "POST", f"/memberships/{seat['id']}/acceptance", {"edition": seat["edition"]})
        return str(formed["id"])

    def members(self, run: dict[str, Any]) -> list[str]:
        """Return the names of a plan's members."""
        named = {self.firm(name): name for name in self.actors}
        return [named[seat["supplier_id"]] for seat in run["plans"][0]["seats"]]


@asynccontextmanager
async def quarter(
    sessions: async_sessionmaker[AsyncSession],
    url: str,
    home: Path,
    *,
    worker: bool = True,
    jobs: Mapping[str, JobFunction] = JOBS,
) -> AsyncIterator[Quarter]:
    """The application on a database, with a worker of some kinds of job unless it comes from elsewhere."""
    settings = Settings(home=home, heartbeat_seconds=2.0, second_factor="optional")
    app = create_app(settings, url)
    stop = asyncio.Event()
    working = asyncio.create_task(run(settings, url, jobs=jobs, stop=stop)) if worker else None
    async with living(app):
        made = Quarter(sessions, httpx.ASGITransport(cast(Any, app)))
        yield made
        for client in made.clients.values():
            await client.aclose()
    stop.set()
    if working is not None:
        await asyncio.wait_for(working, 30)
