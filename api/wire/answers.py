"""What goes over the wire about the optimizer's answers: one type a kind, each naming all that may be told.

Scores are in millionths of a perfect score, shares in basis points, money in minor units of `currency`. Firms stand by
their id, packages by their code; `names` says who the firms are. Money is null unless every price it rests on is open
to the reader.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.i18n import Locale, say
from api.wire.base import Wire
from domain.kinds import AnswerKind, Code, FrontierAxis
from domain.message import Message
from domain.records import Answer

Seconds = Annotated[int, Field(ge=1, le=60, strict=True)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]
AskedKind = Literal["diagnose", "repair", "rules", "explain", "harden", "frontier", "room", "waves", "shares"]
TAKES: Mapping[str, frozenset[str]] = {
    "diagnose": frozenset(),
    "rules": frozenset(),
    "explain": frozenset({"plan", "consortium_id"}),
    "repair": frozenset({"plan", "consortium_id", "lost", "keep"}),
    "harden": frozenset({"plan", "consortium_id", "packages"}),
    "frontier": frozenset({"axes", "points"}),
    "room": frozenset({"consortium_id", "firm_id"}),
    "waves": frozenset({"plan", "consortium_id", "hours", "at_once"}),
    "shares": frozenset({"consortium_id"}),
}
"""What may be sent with each kind besides `seconds` and `seed`."""
NEEDS: Mapping[str, frozenset[str]] = {
    "room": frozenset({"consortium_id", "firm_id"}),
    "shares": frozenset({"consortium_id"}),
}


class QuestionIn(Wire):
    """What is asked about a suggestion: of which plan, or of which consortium made from it; and how long to think.

    `lost` are firms that repair does without, besides those that have declined, let the question expire or been taken
    back; `packages` are those that harden guards (the critical ones, when left out); `axes` are what efficient plans
    are compared by (all, when left out); `hours` is how long a wave waits.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "explain", "plan": 1, "seconds": 10}]})

    kind: AskedKind
    plan: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    consortium_id: UUID | None = None
    lost: Annotated[tuple[UUID, ...], Field(max_length=50)] = ()
    keep: bool = False
    packages: Annotated[tuple[Code, ...], Field(min_length=1, max_length=200)] | None = None
    axes: Annotated[tuple[FrontierAxis, ...], Field(min_length=1, max_length=4)] | None = None
    points: Annotated[int, Field(ge=1, le=12, strict=True)] = 8
    firm_id: UUID | None = None
    hours: Annotated[int, Field(ge=1, le=24 * 60, strict=True)] = 72
    at_once: Annotated[int, Field(ge=1, le=50, strict=True)] | None = None
    seconds: Seconds = 10
    seed: Seed = 0

    @model_validator(mode="after")
    def what_the_kind_takes(self) -> Self:
        """Nothing is sent that the kind does not take, and nothing is missing that it needs."""
        asked = self.model_fields_set - {"kind", "seconds", "seed"}
        for name in sorted(asked - TAKES[self.kind]):
            raise PydanticCustomError("not-for-kind", "{kind} takes no {field}", {"kind": self.kind, "field": name})
        for name in sorted(NEEDS.get(self.kind, frozenset()) - asked):
            raise PydanticCustomError("kind-needs", "{kind} needs {field}", {"kind": self.kind, "field": name})
        return self


class GuidanceIn(Wire):
    """“Why not me”: how long to think, from which seed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "counterfactual", "seconds": 10}]})

    kind: Literal["counterfactual"] = "counterfactual"
    seconds: Seconds = 10
    seed: Seed = 0


class PortfolioIn(Wire):
    """Which published projects compete for one capacity; the least share small firms shall hold of what is staffed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "opportunity_ids": [
                        "0198c0de-0000-7000-8000-000000000001",
                        "0198c0de-0000-7000-8000-00000000000e",
                    ],
                    "sme_floor": 3000,
                    "seconds": 20,
                }
            ]
        }
    )

    opportunity_ids: Annotated[tuple[UUID, ...], Field(min_length=2, max_length=60)]
    sme_floor: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 0
    seconds: Seconds = 20
    seed: Seed = 0


# ---- what is told ----


class WorkOut(Wire):
    """A firm's part of a package."""

    package: str
    firm: UUID
    units: int
    share: int


class TeamOut(Wire):
    """A plan: who leads, who does what; `cost` where all its prices are open."""

    lead: UUID | None
    members: tuple[UUID, ...]
    work: tuple[WorkOut, ...]
    cost: int | None


class RuledOut(Wire):
    """A rule as it stands and as it is eased; `title` says it in the reader's language."""

    rule: str
    title: str
    subject: tuple[str, ...]
    before: int
    after: int


class ShortOut(Wire):
    """Units of a package that nobody can deliver."""

    package: str
    units: int


class CureOut(Wire):
    """Rules that, eased together, make a plan possible, and that plan."""

    eased: tuple[RuledOut, ...]
    steps: int
    minimal: bool
    team: TeamOut | None


class DiagnosisOut(Wire):
    """Why there is no plan; `status` is that of the problem as asked, `infeasible` when the rules contradict."""

    kind: Literal["diagnose"]
    status: str
    legal: bool
    causes: tuple[ShortOut, ...]
    cures: tuple[CureOut, ...]
    conflict: tuple[RuledOut, ...]
    conflict_minimal: bool
    budget_alone: bool


class MendedOut(Wire):
    """One way to mend the plan."""

    changes: int
    gain: int
    staying: tuple[UUID, ...]
    resign: tuple[UUID, ...]
    joining: tuple[UUID, ...]
    leaving: tuple[UUID, ...]
    team: TeamOut


class RepairOut(Wire):
    """What was lost, and the ways to mend it, from the fewest changes to the best value."""

    kind: Literal["repair"]
    status: str
    complete: bool
    lost: tuple[UUID, ...]
    lost_work: tuple[WorkOut, ...]
    ways: tuple[MendedOut, ...]


class EasingOut(Wire):
    """What the best plan would gain."""

    after: int
    gains: tuple[int, ...] | None
    cost: int | None
    status: str
    helps: bool


class RuleCostOut(Wire):
    """The price of one rule, eased by a step and dropped."""

    rule: str
    title: str
    subject: tuple[str, ...]
    before: int
    step: EasingOut | None
    dropped: EasingOut


class RuleCostsOut(Wire):
    """The price of every rule that may be eased."""

    kind: Literal["rules"]
    status: str
    rules: tuple[RuleCostOut, ...]


class MeritOut(Wire):
    """What a member brings, and what would be lost without it."""

    firm: UUID
    packages: tuple[str, ...]
    value_share: int
    fit: int
    loss: int | None
    status: str
    indispensable: bool


class MovedOut(Wire):
    """How much one goal would move."""

    goal: str
    title: str
    by: int


class RunnerOut(Wire):
    """The best firm left out of a package."""

    package: str
    firm: UUID
    loss: int | None
    status: str
    moves: tuple[MovedOut, ...]


class TightOut(Wire):
    """A rule with no step left."""

    rule: str
    title: str
    subject: tuple[str, ...]


class WhyOut(Wire):
    """Why this plan."""

    kind: Literal["explain"]
    members: tuple[MeritOut, ...]
    binding: tuple[TightOut, ...]
    runners: tuple[RunnerOut, ...]


class LackOut(Wire):
    """A requirement the firm does not meet or has not declared: its own figure, and what is published."""

    package: str
    code: str
    title: str
    outcome: str
    subject: str | None
    value: str | int | None
    threshold: str | int | None
    mandatory: bool


class NearOut(Wire):
    """How the asking firm stands at one package, by public terms."""

    package: str
    eligible: bool
    fit: int
    price: Literal["within", "above", "undeclared"]
    lacks: tuple[LackOut, ...]


class LeverOut(Wire):
    """A figure of the asking firm, named without an amount."""

    figure: str
    subject: str


class GuidanceOut(Wire):
    """What would bring the asking firm in; nothing of it depends on a figure of another firm."""

    kind: Literal["counterfactual"]
    wanted: bool
    sure: bool
    near: tuple[NearOut, ...]
    helps: tuple[LeverOut, ...]
    futile: tuple[LeverOut, ...]


class ExposedOut(Wire):
    """A package that one loss leaves short."""

    package: str
    members: tuple[UUID, ...]
    source: bool


class ReserveOut(Wire):
    """A member that could carry more of a package."""

    package: str
    firm: UUID


class SecuredOut(Wire):
    """The best plan that survives the loss of any one firm, and its price."""

    kind: Literal["harden"]
    status: str
    sure: bool
    packages: tuple[str, ...]
    exposures: tuple[ExposedOut, ...]
    team: TeamOut | None
    price: tuple[int, ...] | None
    cost: int | None
    reserves: tuple[ReserveOut, ...]


class ReachOut(Wire):
    """How far a plan gets on one axis."""

    axis: str
    score: int


class EfficientOut(Wire):
    """A plan that no other beats on one axis without losing on another."""

    team: TeamOut
    reached: tuple[ReachOut, ...]
    sure: bool


class TradeoffsOut(Wire):
    """Efficient plans."""

    kind: Literal["frontier"]
    axes: tuple[str, ...]
    left_out: tuple[str, ...]
    complete: bool
    points: tuple[EfficientOut, ...]


class CeilingOut(Wire):
    """The highest unit price at which the member stays in a best plan."""

    package: str
    price: int | None
    highest: int | None
    sure: bool


class RoomOut(Wire):
    """The leader's room with one member."""

    kind: Literal["room"]
    firm: UUID
    wanted: bool
    rise: int | None
    sure: bool
    left_out: int
    ceilings: tuple[CeilingOut, ...]


class TurnOut(Wire):
    """An invitation of a firm to the seat of a member."""

    seat: UUID
    firm: UUID


class AskingOut(Wire):
    """Whom to ask first, and the odds that every seat is filled in time."""

    kind: Literal["waves"]
    hours: int
    waves: tuple[tuple[TurnOut, ...], ...]
    certainty: int
    expected: int
    known: int
    prior_accepted: int
    prior_asked: int


class PartOut(Wire):
    """What a member gets."""

    firm: UUID
    amount: int
    alone: int
    value: int


class DivisionOut(Wire):
    """One way to divide, with its certificate: a group that would gain by leaving, or none."""

    method: str
    total: int
    parts: tuple[PartOut, ...]
    error: int
    blocking: tuple[UUID, ...]
    blocking_gain: int
    proved: bool
    stable: bool


class SharesOut(Wire):
    """What the members gain together, divided in each of the known ways."""

    kind: Literal["shares"]
    divisions: tuple[DivisionOut, ...]


class StaffingOut(Wire):
    """A project that is staffed, and by whom."""

    opportunity: UUID
    team: TeamOut


class ScarceOut(Wire):
    """A capability that several projects would draw on, and what one more unit of it would add."""

    firm: UUID
    capability: str
    price: int


class StaffedOut(Wire):
    """Which projects are staffed, which not, what is scarce."""

    kind: Literal["portfolio"]
    status: str
    gain: int
    bound: int
    staffed: tuple[StaffingOut, ...]
    unstaffed: tuple[UUID, ...]
    scarce: tuple[ScarceOut, ...]
    sme_share: int
    sme_floor: int


Body = Annotated[
    DiagnosisOut
    | RepairOut
    | RuleCostsOut
    | WhyOut
    | GuidanceOut
    | SecuredOut
    | TradeoffsOut
    | RoomOut
    | AskingOut
    | SharesOut
    | StaffedOut,
    Field(discriminator="kind"),
]


class AnswerLine(Wire):
    """An answer in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000f",
                    "kind": "rules",
                    "job_id": "0198c0de-0000-7000-8000-000000000005",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "suggestion_id": "0198c0de-0000-7000-8000-000000000009",
                    "consortium_id": None,
                    "plan": None,
                    "edition": 1,
                    "created_at": "2027-01-06T01:00:05Z",
                }
            ]
        }
    )

    id: UUID
    kind: AnswerKind
    job_id: UUID
    opportunity_id: UUID | None
    suggestion_id: UUID | None
    consortium_id: UUID | None
    plan: int | None
    edition: int | None
    created_at: datetime


class AnswerOut(AnswerLine):
    """An answer: what it is about, what it rests on, and what was found.

    `priced` says that every declared price counted; otherwise `closed` prices are closed to the reader, and none
    counted, nor the budget. The same question, World and `seed` give the same answer.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000f",
                    "kind": "rules",
                    "job_id": "0198c0de-0000-7000-8000-000000000005",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "suggestion_id": "0198c0de-0000-7000-8000-000000000009",
                    "consortium_id": None,
                    "plan": None,
                    "edition": 1,
                    "created_at": "2027-01-06T01:00:05Z",
                    "seed": 0,
                    "seconds": 0.4,
                    "priced": False,
                    "closed": 3,
                    "currency": "CNY",
                    "names": {},
                    "answer": {
                        "kind": "rules",
                        "status": "optimal",
                        "rules": [
                            {
                                "rule": "member-limit",
                                "title": "most members",
                                "subject": [],
                                "before": 3,
                                "step": {
                                    "after": 4,
                                    "gains": [12_000],
                                    "cost": None,
                                    "status": "optimal",
                                    "helps": True,
                                },
                                "dropped": {
                                    "after": 9,
                                    "gains": [12_000],
                                    "cost": None,
                                    "status": "optimal",
                                    "helps": True,
                                },
                            }
                        ],
                    },
                }
            ]
        }
    )

    seed: int
    seconds: float
    priced: bool
    closed: int
    currency: str | None
    names: dict[str, str]
    answer: Body

    @classmethod
    def from_row(cls, row: Answer, locale: Locale) -> Self:
        """Show an answer, its rules, goals and requirements worded in a language."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "answer"}
        body = {"kind": str(row.kind), **_Wording(row, locale).worded(row.body)}
        names = dict(sorted(row.names.items(), key=lambda named: named[1]))
        return cls.model_validate(fields | {"names": names, "answer": body})


class _Wording:
    """Puts beside every rule, goal and requirement of an answer how it is said."""

    def __init__(self, row: Answer, locale: Locale) -> None:
        self.locale, self.names, self.currency = locale, row.names, row.currency or "XXX"
        self.cure = 0

    def worded(self, value: Any) -> Any:
        """Return a value with a title beside whatever has a name of its own."""
        match value:
            case {"eased": list(eased), **rest}:
                self.cure += 1
                return {**{name: self.worded(each) for name, each in rest.items()}, "eased": [*map(self.eased, eased)]}
            case {"rule": str(rule), **rest}:
                return {**self.worded(rest), "rule": rule, "title": self.said(rule, "rule")}
            case {"goal": str(goal), **rest}:
                return {**rest, "goal": goal, "title": self.said(goal, "goal")}
            case {"code": str(code), "outcome": str(outcome), **rest}:
                title = self.said(f"{code}-{outcome}", "criterion", **{str(name): each for name, each in rest.items()})
                return {**rest, "code": code, "outcome": outcome, "title": title}
            case dict():
                return {name: self.worded(each) for name, each in value.items()}
            case list():
                return [self.worded(each) for each in value]
            case _:
                return value

    def eased(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Return an eased rule with the sentence that says how."""
        subject = say(self.locale, Message(code="comma"), section="page").join(
            self.names.get(each, each) for each in rule["subject"]
        )
        params = {**rule, "subject": subject, "fix": self.cure, "by": abs(rule["after"] - rule["before"])}
        return {**rule, "title": self.said(f"ease-{rule['rule']}", "diagnosis", **params)}

    def said(self, code: str, section: str, **params: Any) -> str:
        """Say a code of a section with plain figures."""
        given = {name: value for name, value in params.items() if not isinstance(value, list | dict)}
        return say(self.locale, Message(code=code, params={**given, "currency": self.currency}), section=section)
