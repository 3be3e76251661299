"""A city in which every reader has something of his own and something of somebody else's before him.

Nine readers, each with a session of its own; projects, runs, consortia, seats, declarations and files in the states
that decide what may be done with them. Prices, capacities and words that are nobody else's business are numbers and
words found nowhere else, so that an answer that tells one of them is known by it. Every firm is fictional.
"""

import io
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import SQLModel

from api.actions import (
    amendments,
    auth,
    cases,
    channels,
    claims,
    consortia,
    endpoints,
    evaluations,
    filings,
    lone_bids,
    milestones,
    negotiation,
    people,
    progress,
    statistics,
)
from api.queries import consortia as reading
from api.queries import filings as filing_tasks
from api.queries import milestones as milestone_markers
from api.queries import people as claimed
from api.wire.amendments import AmendIn
from api.wire.channels import ChannelIn
from api.wire.consortia import AcceptIn, ConsortiumIn, InviteIn, LineIn, TermsIn
from api.wire.disclosure import CaseIn
from api.wire.endpoints import EndpointIn
from api.wire.evaluations import EvaluationIn
from api.wire.filings import BidIn, DayIn, StatementIn
from api.wire.ledger import LoneBidIn
from api.wire.milestones import PlanIn
from api.wire.negotiation import CONFIDENTIALITY, ConfidentialityIn
from api.wire.people import ClaimIn, EntryLinkIn
from domain.actor import Actor
from domain.kinds import (
    AnswerKind,
    BatchState,
    ChannelKind,
    Duty,
    ImportKind,
    OpportunityState,
    Role,
    RunState,
    Visibility,
)
from domain.records import (
    Agreement,
    Answer,
    AuditHead,
    ImportBatch,
    Job,
    LinkedIdentity,
    Organisation,
    Suggestion,
    User,
)
from tests.factories import (
    actor_of,
    credit_code,
    make_capability,
    make_certificate,
    make_link,
    make_month,
    make_opportunity,
    make_organisation,
    make_package,
    make_price,
    make_requirement,
    make_user,
)

PASSWORD = "a long enough secret 2027"
HOURS = timedelta(hours=12)
SPAN: dict[str, Any] = {"starts": date(2031, 1, 1), "ends": date(2031, 3, 31)}
FAR = datetime(2030, 12, 1, tzinfo=UTC)
UNITS = 30

ROLES = {
    "anonymous": ("未登录", "nobody signed in"),
    "supplier": ("配套企业", "supplier"),
    "provider": ("服务机构", "service provider"),
    "owner": ("链主", "chain leader"),
    "rival": ("另一链主", "rival chain leader"),
    "member": ("联合体成员", "member"),
    "fellow": ("同一联合体的另一成员", "fellow member"),
    "bureau": ("商务局", "bureau"),
    "operator": ("运营方", "operator"),
}
"""Who asks, in the order of the matrix's columns."""

DERIVED = {
    "owner_negotiator": ("链主的洽谈人", "the leader's negotiator"),
    "owner_signer": ("链主的签署人", "the leader's signer"),
    "owner_viewer": ("链主的查看人", "the leader's viewer"),
    "owner_token": ("链主的只读令牌", "the leader's token to read"),
    "member_negotiator": ("成员的洽谈人", "the member's negotiator"),
    "member_signer": ("成员的签署人", "the member's signer"),
    "member_viewer": ("成员的查看人", "the member's viewer"),
    "analyst": ("商务局统计分析员", "bureau analyst"),
    "officer": ("商务局核验人员", "bureau officer"),
    "unverified": ("未核验企业", "unverified firm"),
}
"""Who asks besides: what each gets follows from a reader above and from what he himself may do (``derived.toml``)."""

FIRMS: dict[str, tuple[Role, int]] = {
    "supplier": (Role.SUPPLIER, 1),
    "provider": (Role.SERVICE_PROVIDER, 1),
    "owner": (Role.CHAIN_LEADER, 2),
    "rival": (Role.CHAIN_LEADER, 0),
    "member": (Role.SUPPLIER, 1),
    "fellow": (Role.SUPPLIER, 1),
    "candidate": (Role.SUPPLIER, 1),
    "bureau": (Role.BUREAU, 2),
    "operator": (Role.OPERATOR, 2),
}

THINGS = {
    "draft": ("链主的草稿项目", "the leader's draft project"),
    "rival_draft": ("另一链主的草稿项目", "the rival's draft project"),
    "rival_review": ("另一链主待审核的项目", "the rival's project in review"),
    "open": ("链主的公开项目", "the leader's project for everybody"),
    "verified": ("链主面向企业的项目", "the leader's project for firms"),
    "circle": ("链主定向邀请的项目", "the leader's project for those asked"),
    "closed": ("链主已截止的项目", "the leader's closed project"),
    "run": ("公开项目的推荐", "the run for the project for everybody"),
    "relief": ("定向项目的补位推荐", "the newer run for the project for those asked"),
    "job": ("链主排队中的推荐任务", "the leader's job that waits"),
    "question": ("链主提出的求解问题", "the leader's question"),
    "waiting_question": ("链主排队中的求解问题", "the leader's question that waits"),
    "answer": ("链主得到的求解回答", "the leader's answer"),
    "forming": ("组建中的联合体", "a consortium that forms"),
    "agreed": ("待签署的联合体", "a consortium to be signed"),
    "asked_seat": ("成员被邀请的席位", "the seat the member is asked about"),
    "countered_seat": ("另一成员还价的席位", "the seat the fellow countered"),
    "proposed_seat": ("尚未邀请的席位", "a seat nobody was asked about yet"),
    "agreed_seat": ("成员已同意的席位", "the member's accepted seat"),
    "hash": ("协议的哈希", "the agreement's hash"),
    "lone": ("配套企业的单独投标登记", "the supplier's lone bid"),
    "signed": ("已签署的联合体", "a consortium that has signed"),
    "ended": ("已结项的联合体", "a consortium that has closed"),
    "filing": ("牵头成员的备案事项", "the lead member's filing"),
    "milestone": ("另一成员的里程碑", "the fellow's milestone"),
    "amendment": ("待签署的协议变更", "an amendment to be signed"),
    "evaluation": ("链主对成员的评价", "the leader's evaluation of the member"),
    "supplier_able": ("配套企业的能力", "the supplier's capability"),
    "provider_able": ("服务机构的能力", "the provider's capability"),
    "owner_able": ("链主的能力", "the leader's capability"),
    "rival_able": ("另一链主的能力", "the rival's capability"),
    "member_able": ("联合体成员的能力", "the member's capability"),
    "supplier_import": ("配套企业的导入", "the supplier's import"),
    "bureau_import": ("商务局的导入", "the bureau's import"),
    "supplier_job": ("配套企业的导入任务", "the supplier's import job"),
    "supplier_token": ("配套企业的令牌", "the supplier's token"),
    "supplier_identity": ("配套企业人员的关联账号", "the supplier's linked account"),
    "supplier_colleague": ("配套企业的同事", "the supplier's colleague"),
    "member_channel": ("成员的通知渠道", "the member's channel"),
    "owner_hook": ("链主的 Webhook", "the leader's webhook"),
    "owner_delivery": ("链主 Webhook 的投递", "a delivery to the leader's webhook"),
    "colleague": ("链主的一位同事", "a colleague of the leader"),
    "entry_link": ("链主的邀请链接", "the leader's one-time link"),
    "entry_secret": ("邀请链接的密钥", "the secret of a one-time link"),
    "claim": ("待核验的企业认领", "a claim that waits"),
    "member_firm": ("联合体成员企业", "the member's firm"),
    "fellow_firm": ("另一成员企业", "the fellow's firm"),
    "named_firm": ("仅知名称的企业", "a firm known by name only"),
    "case": ("商务局关于成员的个案", "the bureau's case about the member"),
    "statistic": ("已发布的统计表", "a released table"),
}
"""What is asked about, by the name the matrix has for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A figure or word that only `known_to` may ever be told."""

    what: str
    text: str
    known_to: frozenset[str]


def canary(what: str, text: int | str, *known_to: str) -> Canary:
    """Return a canary and those who may hear it."""
    return Canary(what=what, text=str(text), known_to=frozenset(known_to))


PRICES = {
    "supplier": 4_611_686_017,
    "provider": 5_308_417_293,
    "owner": 5_196_152_423,
    "rival": 5_477_225_575,
    "member": 6_180_339_887,
    "member_agreed": 7_071_067_811,
    "fellow": 9_051_396_027,
    "fellow_agreed": 8_346_268_409,
    "candidate": 2_449_489_743,
}
COUNTERED = 3_162_277_661
AMENDED = 9_899_494_937
MISREAD = 9_219_544_457
LIMIT = 16_180_339_885
MONTHLY = {
    "supplier": 141_421_357,
    "provider": 173_205_081,
    "owner": 187_082_869,
    "rival": 193_649_167,
    "member": 223_606_799,
    "member_agreed": 264_575_131,
    "fellow": 331_662_479,
    "fellow_agreed": 346_410_163,
    "candidate": 360_555_127,
}
DECLARED = 424_264_069
TURNOVER = 27_182_818_285
WANTED = "储能变流器"
WORDS = "七星岩下先交一半"

PARTIES = ("owner", "member", "fellow")
CANARIES = (
    *(canary(f"{firm}'s price", PRICES[firm], firm) for firm in ("supplier", "provider", "owner", "rival", "member")),
    canary("fellow's price", PRICES["fellow"], "fellow"),
    canary("candidate's price", PRICES["candidate"]),
    canary("member's price in accepted terms", PRICES["member_agreed"], *PARTIES),
    canary("member's sum in accepted terms", UNITS * PRICES["member_agreed"], *PARTIES),
    canary("fellow's price in accepted terms", PRICES["fellow_agreed"], *PARTIES),
    canary("member's sum before acceptance", UNITS * PRICES["member"]),
    canary("countered price", COUNTERED, "fellow", "owner"),
    canary("note of the counter", WORDS, "fellow", "owner"),
    canary("price that an import replaced", AMENDED),
    canary("price that an import could not read", MISREAD, "supplier"),
    canary("rules of the leader's projects", LIMIT, "owner", "bureau", "operator"),
    canary("rules of the rival's projects", 2 * LIMIT, "rival", "bureau", "operator"),
    canary("member's turnover", TURNOVER, "member"),
    canary("supplier's capacity of a month", DECLARED, "supplier"),
    *(canary(f"{name}'s capacity", figure, name.removesuffix("_agreed")) for name, figure in MONTHLY.items()),
)
"""What may be told to whom: a firm's own figures to itself, accepted terms to the parties of the agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Names and what they stand for: ids, secrets, words that requests need."""

    names: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Maker:
    """Makes the city, one noun after the other."""

    session: AsyncSession
    world: World
    firms: dict[str, Organisation] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)

    def name(self, name: str, row: Any) -> None:
        self.world.names[name] = str(row.id)

    async def people(self) -> None:
        password_hash = await auth.hashed(PASSWORD)
        for name, (role, verification) in FIRMS.items():
            over = {"turnover": TURNOVER} if name == "member" else {}
            firm = await make_organisation(self.session, role, verification=verification, sme=True, **over)
            user = await make_user(self.session, firm, admin=True, password_hash=password_hash)
            opened = await auth.open_sign_in(
                self.session, user.id, HOURS, browser=True, second_factor=role is Role.OPERATOR
            )
            # whatever time the matrix takes, nobody is asked for a proof, and no use is noted
            opened.sign_in.proven_at = opened.sign_in.seen_at = opened.sign_in.expires_at
            self.firms[name], self.actors[name] = firm, actor_of(firm, user)
            self.name(f"{name}_person", user)
            self.world.secrets[name] = opened.secret
        self.name("member_firm", self.firms["member"])
        self.world.names["member_name"] = self.firms["member"].name
        self.name("fellow_firm", self.firms["fellow"])
        token = await auth.open_sign_in(
            self.session, _person(self.actors["supplier"]), HOURS, browser=False, label="ERP"
        )
        self.name("supplier_token", token.sign_in)
        named = await make_organisation(self.session, registered=False, credit_code=None, name="演示无码企业")
        await make_link(self.session, named, self.firms["member"])
        self.name("named_firm", named)
        guest = await make_user(
            self.session, self.firms["supplier"], email="guest@demo.invalid", password_hash=password_hash
        )
        self.name("supplier_colleague", guest)
        elsewhere = LinkedIdentity(
            user_id=_person(self.actors["supplier"]), provider="city", issuer="https://id.invalid", subject="7"
        )
        self.session.add(elsewhere)
        self.name("supplier_identity", elsewhere)
        self.world.names.update(email=guest.email, password=PASSWORD)

    async def others(self) -> None:
        """Add people with one duty each, a narrow token, a link to enter by, and a firm that is nobody yet."""
        password_hash = await auth.hashed(PASSWORD)
        for name in DERIVED:
            firm, _, duty = name.rpartition("_")
            house = self.firms[firm or "bureau"] if name not in ("owner_token", "unverified") else None
            if house is not None:
                await self.signed_in(
                    name, await make_user(self.session, house, duties=[duty], password_hash=password_hash)
                )
        person = _person(self.actors["owner"])
        token = await auth.open_sign_in(self.session, person, HOURS, browser=False, label="BI")
        token.sign_in.seen_at = FAR  # so that using it writes nothing, and a change is one of the request's own
        self.world.secrets["owner_token"] = token.secret
        colleague = await make_user(self.session, self.firms["owner"], duties=["viewer"])
        self.name("colleague", colleague)
        given = EntryLinkIn(email="entering@demo.invalid", duties=(Duty.ADMIN,))
        self.world.names["entry_secret"], link = await people.invite(self.session, self.actors["owner"], given)
        self.name("entry_link", link)
        code = credit_code(9_999_998)
        claim = ClaimIn(credit_code=code, name="演示认领", person="演示", email="claim@demo.invalid", password=PASSWORD)
        await claims.submit(self.session, claim)
        (row,), _ = await claimed.claims(self.session, self.actors["bureau"])
        self.name("claim", row)
        self.world.names["unclaimed_code"] = credit_code(9_999_997)
        await self.signed_in("unverified", await self.session.get_one(User, row.user_id))

    async def signed_in(self, name: str, user: User) -> None:
        self.name(f"{name}_person", user)
        opened = await auth.open_sign_in(self.session, user.id, HOURS, browser=True)
        opened.sign_in.proven_at = opened.sign_in.seen_at = opened.sign_in.expires_at
        self.world.secrets[name] = opened.secret

    async def told(self) -> None:
        channel = ChannelIn(kind=ChannelKind.EMAIL, label="邮箱")
        self.name("member_channel", await channels.add(self.session, self.actors["member"], channel))
        await channels.open_calendar(self.session, self.actors["member"])
        given = EndpointIn(url="https://erp.invalid/hooks", label="ERP")
        hook = await endpoints.add(self.session, self.actors["owner"], given, local=False)
        self.name("owner_hook", hook)
        self.name("owner_delivery", await endpoints.test(self.session, self.actors["owner"], hook.id))
        await self.session.flush()

    async def declarations(self) -> None:
        for name in PRICES:
            firm = self.firms[name.removesuffix("_agreed")]
            phrase = WANTED if name in ("supplier", "member", "candidate") else f"{WANTED}柜体{name}"
            able = await make_capability(self.session, firm, phrase=phrase, monthly_quantity=MONTHLY[name])
            await make_price(self.session, able, unit_price=PRICES[name])
            self.name(f"{name}_able", able)
            if name == "supplier":
                await make_month(self.session, able, month=date(2031, 2, 1), declared=DECLARED)
        for name in ("supplier", "member"):
            await make_certificate(self.session, self.firms[name])

    async def watched(self) -> None:
        """Let the bureau open a case about the member, and release a table."""
        given = CaseIn(firm_id=self.firms["member"].id, reason="核实产能缺口")
        self.name("case", await cases.open_case(self.session, self.actors["bureau"], given))
        cells: dict[tuple[str, ...], int | None] = {("演示市", "sme"): None, ("*", "*"): 45}
        self.name("statistic", await statistics.release(self.session, "firms", "", date(2031, 1, 1), cells, {}))

    async def calendar(self) -> None:
        today = (await reading.clock(self.session)).date()
        self.world.names["month"] = date(today.year + today.month // 12, today.month % 12 + 1, 1).isoformat()

    async def project(
        self, name: str, owner: str, state: OpportunityState, reach: Visibility, packages: int = 3, **over: Any
    ) -> None:
        rules = {"budget": 2 * LIMIT if owner == "rival" else LIMIT}
        row = await make_opportunity(
            self.session, self.firms[owner], state=state, visibility=reach, deadline=FAR, rules=rules, **over, **SPAN
        )
        self.name(name, row)
        for number in range(1, packages + 1):
            package = await make_package(
                self.session, row, code=f"WP{number}", position=number, quantity=UNITS, value=900_000_000_000, **SPAN
            )
            if (name, number) == ("open", 1):
                await make_requirement(self.session, package, phrase=WANTED)
            self.name(f"{name}_{number}", package)

    async def run(self, name: str, project: str, *seats: str, **payload: str) -> None:
        identity = UUID(self.world.names[project])
        job = await self.job(f"{name}_job", "owner", "suggest", identity, RunState.DONE, **payload)
        plan = {
            "status": "optimal", "stopped": "proved", "gap": 0.0, "sme_share": 10_000, "fit": 93, "ties": 0,
            "lead_days": 120, "reasons": [{"code": "proved-best", "params": {}}],
            "seats": [self._planned(project, number, seat) for number, seat in enumerate(seats, 1)],
        }  # fmt: skip
        row = Suggestion(
            opportunity_id=identity, job_id=job.id, edition=1, digest="0" * 64, seed=0, status="optimal",
            stopped="proved", gap=0.0, seconds=0.1, candidates=len(seats), plans=[plan],
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.name(name, row)

    def _planned(self, project: str, number: int, seat: str) -> dict[str, Any]:
        firm = self.firms[seat.removesuffix("_agreed")]
        part = {
            "package_id": self.world.names[f"{project}_{number}"],
            "offering_id": self.world.names[f"{seat}_able"],
            "units": UNITS, "share": 10_000, "fit": 93, "way": "words", "runners_up": 2,
        }  # fmt: skip
        covers = {"code": "covers-by-words", "params": {"package": f"WP{number}", "fit": 93, "others": 2}}
        return {
            "supplier_id": str(firm.id), "name": firm.name, "sme": True, "lead": number == 1, "share": 5_000,
            "parts": [part], "reasons": [covers],
        }  # fmt: skip

    async def job(self, name: str, firm: str, kind: str, subject: UUID, state: RunState, **payload: str) -> Job:
        actor = self.actors[firm]
        row = Job(
            kind=kind, subject_id=subject, organisation_id=actor.organisation_id, user_id=actor.user_id, state=state,
            payload=payload,
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.name(name, row)
        return row

    async def answer(self) -> None:
        identity, run = UUID(self.world.names["open"]), self.world.names["run"]
        job = await self.job("question", "owner", "answer", UUID(run), RunState.DONE)
        waiting = await self.job("waiting_question", "owner", "answer", UUID(run), RunState.QUEUED)
        job.payload = waiting.payload = {"kind": "rules", "suggestion_id": run, "seconds": 1}
        row = Answer(
            kind=AnswerKind.RULES, job_id=job.id, organisation_id=self.firms["owner"].id, opportunity_id=identity,
            suggestion_id=UUID(run), digest="0" * 64, seed=0, seconds=0.1, priced=False, closed=2, currency="CNY",
            edition=1, body={"status": "optimal", "rules": []},
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.name("answer", row)

    async def imported(self, name: str, firm: str, kind: ImportKind) -> None:
        actor = self.actors[firm]
        before = {
            "table": "capability_price", "id": self.world.names["supplier_able"], "before": {"unit_price": AMENDED},
            "aliases": [],
        }  # fmt: skip
        fault = {"where": "row 2, 单价", "code": "number", "params": {"given": f"{MISREAD}?"}}
        own = firm == "supplier"
        row = ImportBatch(
            kind=kind, filename="演示.csv", sha256=uuid4().hex * 2, organisation_id=actor.organisation_id,
            user_id=actor.user_id, rows=1, written=1, state=BatchState.DONE,
            report={"skipped": [], "faults": [fault] if own else [], "amended": [before] if own else []},
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.name(name, row)
        await self.job(f"{firm}_job", firm, "import", row.id, RunState.DONE)

    async def consortium(self, name: str, run: str, *seats: tuple[str, str]) -> None:
        owner = self.actors["owner"]
        given = ConsortiumIn(suggestion_id=UUID(self.world.names[run]))
        row = await consortia.form(self.session, owner, given)
        self.name(name, row)
        found = {s.membership.organisation_id: s for s in await reading.seats(self.session, owner, row.id)}
        for seat, firm in seats:
            self.name(seat, found[self.firms[firm].id].membership)

    async def asked(self, name: str, *seats: str) -> None:
        wanted = tuple(UUID(self.world.names[seat]) for seat in seats)
        given = InviteIn(membership_ids=wanted, hours=1_000)
        await consortia.invite(self.session, self.actors["owner"], UUID(self.world.names[name]), given)

    async def countered(self, seat: str, firm: str, package: str) -> None:
        line = LineIn(package=package, units=UNITS, unit_price=COUNTERED)
        given = TermsIn(edition=1, lines=(line,), note=WORDS)
        await consortia.counter(self.session, self.actors[firm], UUID(self.world.names[seat]), given)

    async def accepted(self, seat: str, firm: str) -> None:
        await consortia.accept(self.session, self.actors[firm], UUID(self.world.names[seat]), AcceptIn(edition=1))

    async def promised(self, seat: str, firm: str) -> None:
        given = ConfidentialityIn(edition=CONFIDENTIALITY)
        await negotiation.promise(self.session, self.actors[firm], UUID(self.world.names[seat]), given)

    async def alone(self, name: str, firm: str, project: UUID) -> None:
        self.name(name, await lone_bids.file(self.session, self.actors[firm], project, LoneBidIn()))

    async def frozen(self, name: str) -> None:
        found = await reading.agreement(self.session, self.actors["owner"], UUID(self.world.names[name]))
        assert found is not None
        self.world.names["hash"] = found[0].sha256

    async def bound(self, name: str, project: str) -> None:
        """Let the member and the fellow sign for a project."""
        await self.run(f"{name}_run", project, "member_agreed", "fellow_agreed")
        both = ((f"{name}_seat", "member"), (f"{name}_fellow_seat", "fellow"))
        await self.consortium(name, f"{name}_run", *both)
        await self.asked(name, *(seat for seat, _ in both))
        for seat, firm in both:
            await self.accepted(seat, firm)
            await self.promised(seat, firm)
        identity = UUID(self.world.names[name])
        found = await reading.agreement(self.session, self.actors["owner"], identity)
        assert found is not None
        for _, firm in both:
            await consortia.sign(self.session, self.actors[firm], identity, found[0].sha256)

    async def followed(self, name: str) -> None:
        """Let the owner plan milestones and propose an amendment that everybody has to sign."""
        owner, identity = self.actors["owner"], UUID(self.world.names[name])
        (filing,) = await filing_tasks.every(self.session, owner, identity)
        self.name("filing", filing)
        await milestones.plan(self.session, owner, identity, PlanIn(usual=True))
        fellow = self.firms["fellow"].id
        markers = await milestone_markers.every(self.session, owner, identity)
        self.name("milestone", next(row for row in markers if row.organisation_id == fellow))
        given = AmendIn.model_validate({"reason": "延长通知期。", "clauses": {"exit_days": 60}})
        amendment = await amendments.propose(self.session, owner, identity, given)
        self.name("amendment", amendment)
        proposed = await self.session.get_one(Agreement, amendment.agreement_id)
        self.world.names["amendment_hash"] = proposed.sha256

    async def ended(self, name: str) -> None:
        """Walk a consortium to its end, and let the owner evaluate the member."""
        owner, identity = self.actors["owner"], UUID(self.world.names[name])
        today, note = await filing_tasks.today(self.session), StatementIn(note="已核对。")
        for filing in await filing_tasks.every(self.session, owner, identity):
            await filings.waive(self.session, owner, filing.id, note)
        await progress.hand_in(self.session, owner, identity, BidIn(submitted_on=today, reference="PLN-1"))
        for step in (progress.win, progress.start, progress.close):
            await step(self.session, owner, identity, DayIn(on=today))
        given = EvaluationIn(
            about_id=self.firms["member"].id, timeliness=4, quality=4, cooperation=4, clarity=4, fairness=4
        )
        self.name("evaluation", await evaluations.give(self.session, owner, identity, given))


def _person(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


async def make_world(sessions: async_sessionmaker[AsyncSession]) -> World:
    """Make the city, committed, each step by the action that makes it in real life where there is one."""
    world = World()
    async with sessions.begin() as session:
        maker = _Maker(session=session, world=world)
        await maker.people()
        await maker.others()
        await maker.told()
        await maker.declarations()
        await maker.calendar()
        await maker.watched()
        await _projects(maker)
        await _formations(maker)
        await maker.imported("supplier_import", "supplier", ImportKind.CAPABILITIES)
        await maker.imported("bureau_import", "bureau", ImportKind.FIRMS)
    return world


async def _projects(maker: _Maker) -> None:
    state, reach = OpportunityState, Visibility
    await maker.project("draft", "owner", state.DRAFT, reach.PUBLIC)
    await maker.project("rival_draft", "rival", state.DRAFT, reach.PUBLIC)
    await maker.project("rival_review", "rival", state.REVIEW, reach.PUBLIC)
    await maker.project("open", "owner", state.PUBLISHED, reach.PUBLIC)
    await maker.project("verified", "owner", state.PUBLISHED, reach.VERIFIED)
    await maker.project("circle", "owner", state.PUBLISHED, reach.INVITED, procuring_law="CN-BID")
    await maker.project("signing", "owner", state.PUBLISHED, reach.INVITED, packages=2)
    await maker.project("closed", "owner", state.CLOSED, reach.PUBLIC)
    await maker.project("bound", "owner", state.PUBLISHED, reach.INVITED, packages=2)
    await maker.project("performed", "owner", state.PUBLISHED, reach.INVITED, packages=2)


async def _formations(maker: _Maker) -> None:
    open_project = UUID(maker.world.names["open"])
    await maker.run("run", "open", "supplier", "provider")
    await maker.job("job", "owner", "suggest", open_project, RunState.QUEUED)
    await maker.answer()
    await maker.run("circle_run", "circle", "member", "fellow", "candidate")
    seats = (("asked_seat", "member"), ("countered_seat", "fellow"), ("proposed_seat", "candidate"))
    await maker.consortium("forming", "circle_run", *seats)
    await maker.asked("forming", "asked_seat", "countered_seat")
    await maker.countered("countered_seat", "fellow", "WP2")
    await maker.run("relief", "circle", "member", "fellow", "candidate", consortium_id=maker.world.names["forming"])
    await maker.run("signing_run", "signing", "member_agreed", "fellow_agreed")
    both = (("agreed_seat", "member"), ("agreed_fellow_seat", "fellow"))
    await maker.consortium("agreed", "signing_run", *both)
    await maker.asked("agreed", *(seat for seat, _ in both))
    for seat, firm in both:
        await maker.accepted(seat, firm)
        await maker.promised(seat, firm)
    await maker.frozen("agreed")
    await maker.alone("lone", "supplier", open_project)
    maker.session.add(
        AuditHead(seq=1, hash=bytes(32), signed_at=datetime(2027, 1, 7, tzinfo=UTC), key=bytes(32), signature=bytes(64))
    )
    await maker.bound("signed", "bound")
    await maker.followed("signed")
    await maker.bound("ended", "performed")
    await maker.ended("ended")


# ------------------------------------------------------------------ as it was

COUNTING = "request_count"
"""The one table that every request changes, a refused one too: it says how many there were and nothing else."""

TABLES = [
    *(("public", table.name) for table in SQLModel.metadata.sorted_tables if table.name != COUNTING),
    ("queue", "pgqueuer"),
]
"""Every other table by schema and name, the queue's among them."""


@dataclass(slots=True, kw_only=True)
class Keeper:
    """Tells whether anything in the database has changed, and puts everything back as it was.

    Where each row stands and which transaction wrote it is looked at first, which is quick; a table is read where that
    differs. A row that was written as it was is no change.
    """

    connection: "asyncpg.Connection[Any]"
    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    async def keep(self) -> None:
        """Remember every row."""
        for schema, table in TABLES:
            copy = io.BytesIO()
            await self.connection.copy_from_table(table, schema_name=schema, output=copy, format="binary")
            self.kept[schema, table] = copy.getvalue()
        self.told = await self.print()

    async def print(self) -> dict[str, str]:
        """Return how many rows each table has, with a digest of all they say."""
        for name, written in await self.connection.fetch(WRITTEN):
            if written != self.written.get(name):
                self.said[name] = await self.connection.fetchval(SAID.format(name))
                self.written[name] = written
        return dict(self.said)

    def changed(self, table: str) -> bool:
        """Tell whether a table says something else than was kept, or is not looked at."""
        return self.said.get(table) != self.told.get(table) or table not in self.said

    async def restore(self) -> None:
        """Put back every row of what has changed; the guards that keep rows stand aside for it."""
        changed = [place for place in TABLES if self.changed(_named(*place))]
        async with self.connection.transaction():
            await self.connection.execute("set local session_replication_role = replica")
            for schema, table in changed:
                await self.connection.execute(f"delete from {_named(schema, table)}")
                copy = io.BytesIO(self.kept[schema, table])
                await self.connection.copy_to_table(table, schema_name=schema, source=copy, format="binary")
        await self.connection.execute(f"vacuum {', '.join(_named(*place) for place in changed)}")


def _named(schema: str, table: str) -> str:
    return f'"{schema}"."{table}"'


UNTOLD = "throttle"
"""Tries are counted whatever comes of them."""
SAID = "select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t"
WRITTEN = " union all ".join(
    f"select '{_named(*place)}', count(*) || ' ' || coalesce(sum(hashtext(ctid::text || ' ' || xmin::text)), 0) "
    f"from {_named(*place)}"
    for place in TABLES
    if place[1] != UNTOLD
)
