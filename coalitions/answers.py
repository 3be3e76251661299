"""What the optimizer's answers say, as values: firms by their id, packages by their code, no figure that is closed.

Scores are told in millionths of a perfect score. A sum of money stands only where every price it rests on is open to
the reader (``coalitions/basis.py``), else None. Which fields there are is what may be told: capacities of others, their
prices and the odds that somebody declines are in none of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A firm's part of a package: whole units, and basis points of the package."""

    package: str
    firm: str
    units: int
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A plan: who leads, who does what, and what it costs where all its prices are open."""

    lead: str | None
    members: tuple[str, ...]
    work: tuple[Work, ...]
    cost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A rule as it stands, and as it is eased or dropped."""

    rule: str
    subject: tuple[str, ...]
    before: int
    after: int


# ---- diagnose ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A package of which nobody can deliver so many units."""

    package: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """Rules that, eased together, make a plan possible; `steps` is what that was weighed by, `minimal` is proved."""

    eased: tuple[Ruled, ...]
    steps: int
    minimal: bool
    team: Team | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """Why there is no plan: law, what nobody can deliver, up to five cures, and one conflict of rules.

    `budget_alone` says that with prices and budget left aside there is a plan: nothing else can be in the way.
    """

    status: str
    legal: bool
    causes: tuple[Short, ...]
    cures: tuple[Cure, ...]
    conflict: tuple[Ruled, ...]
    conflict_minimal: bool
    budget_alone: bool


# ---- repair ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """One way to mend a plan; `gain` is its score above the way with the fewest changes."""

    changes: int
    gain: int
    staying: tuple[str, ...]
    resign: tuple[str, ...]
    joining: tuple[str, ...]
    leaving: tuple[str, ...]
    team: Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What was lost, and the ways to mend it: from the fewest changes to the best value."""

    status: str
    complete: bool
    lost: tuple[str, ...]
    lost_work: tuple[Work, ...]
    ways: tuple[Mended, ...]


# ---- rules ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Easing:
    """What a rule that said `after` would gain: score level by level, and money where it may be told."""

    after: int
    gains: tuple[int, ...] | None
    cost: int | None
    status: str
    helps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """A rule of the user, eased by one step where it has steps, and dropped."""

    rule: str
    subject: tuple[str, ...]
    before: int
    step: Easing | None
    dropped: Easing


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCosts:
    """What each rule of the user costs the best plan."""

    status: str
    rules: tuple[RuleCost, ...]


# ---- explain ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Merit:
    """What a member brings, and the score that would be lost without it; None where no other plan was found."""

    firm: str
    packages: tuple[str, ...]
    value_share: int
    fit: int
    loss: int | None
    status: str
    indispensable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How much one goal would move, in millionths of a perfect score of that goal."""

    goal: str
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The best firm left out of a package, what the plan would lose with it, and which goals would move."""

    package: str
    firm: str
    loss: int | None
    status: str
    moves: tuple[Moved, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tight:
    """A rule with no step left."""

    rule: str
    subject: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why this plan: its members, the rules that bind, the firms left out."""

    members: tuple[Merit, ...]
    binding: tuple[Tight, ...]
    runners: tuple[Runner, ...]


# ---- counterfactual ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A requirement that the firm itself does not meet or has not declared: its own figure, and what is published."""

    package: str
    code: str
    outcome: str
    subject: str | None
    value: str | int | None
    threshold: str | int | None
    mandatory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A package that a capability of the firm answers, and how the firm stands there by public terms.

    `price` says whether its own price lies within the published value: ``within``, ``above`` or ``undeclared``.
    """

    package: str
    eligible: bool
    fit: int
    price: str
    lacks: tuple[Lack, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """A figure of the firm, named without an amount."""

    figure: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """What would bring the asking firm in, by its own figures and the published requirements alone.

    `wanted` says that by these it is in one of the best plans already; `helps` names figures of its own of which a
    better one alone would bring it in, `futile` those of which none would.
    """

    wanted: bool
    sure: bool
    near: tuple[Near, ...]
    helps: tuple[Lever, ...]
    futile: tuple[Lever, ...]


# ---- harden ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A package that one loss leaves short: the members that go together; `source` says that what they share is lost,
    a supplier of theirs within two tiers, and not one of them."""

    package: str
    members: tuple[str, ...]
    source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """A member that could carry more of a package than the plan gives it."""

    package: str
    firm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """The best plan that survives the loss of any one firm, what that costs, and what the plan asked about risks."""

    status: str
    sure: bool
    packages: tuple[str, ...]
    exposures: tuple[Exposed, ...]
    team: Team | None
    price: tuple[int, ...] | None
    cost: int | None
    reserves: tuple[Reserve, ...]


# ---- frontier ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a plan gets on one axis, in millionths of a perfect score of it."""

    axis: str
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficient:
    """A plan that no other beats on one axis without losing on another."""

    team: Team
    reached: tuple[Reach, ...]
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoffs:
    """The efficient plans along some axes; `left_out` are axes that would have told closed prices."""

    axes: tuple[str, ...]
    left_out: tuple[str, ...]
    complete: bool
    points: tuple[Efficient, ...]


# ---- room ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The highest unit price at which a member stays in a best plan; None where no limit was found."""

    package: str
    price: int | None
    highest: int | None
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Haggled:
    """The leader's room with one member, against rivals whose prices are open; `left_out` rivals are not."""

    firm: str
    wanted: bool
    rise: int | None
    sure: bool
    left_out: int
    ceilings: tuple[Ceiling, ...]


# ---- waves ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An invitation of a firm to the seat of a member."""

    seat: str
    firm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whom to ask in each wave while everybody declines; chances in basis points, from a stated prior.

    Where nothing is known, a firm counts as having accepted `prior_accepted` of `prior_asked` invitations.
    """

    hours: int
    waves: tuple[tuple[Turn, ...], ...]
    certainty: int
    expected: int
    known: int
    prior_accepted: int
    prior_asked: int


# ---- shares ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a member gets, what it could gain alone, and the published value of its work."""

    firm: str
    amount: int
    alone: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """One way to divide, and whether a group would gain by leaving: which, and how much; nobody and nothing if none."""

    method: str
    total: int
    parts: tuple[Part, ...]
    error: int
    blocking: tuple[str, ...]
    blocking_gain: int
    proved: bool
    stable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """What the members gain together, divided in each of the known ways."""

    divisions: tuple[Division, ...]


# ---- portfolio ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffing:
    """A project that is staffed, and by whom."""

    opportunity: str
    team: Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarce:
    """A capability of a firm that several projects would draw on, and what one more unit of it would add."""

    firm: str
    capability: str
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffed:
    """Which projects are staffed wholly, which not, and what is scarce.

    `gain` and `bound` are money: what is gained where prices count, else the published value that is staffed.
    """

    status: str
    gain: int
    bound: int
    staffed: tuple[Staffing, ...]
    unstaffed: tuple[str, ...]
    scarce: tuple[Scarce, ...]
    sme_share: int
    sme_floor: int
