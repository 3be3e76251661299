"""Whom to ask first: invitations in waves, so that every seat is most likely filled before the deadline.

A seat is what one member of a plan carries; its candidates are that member and the firms outside the plan that could
take all of it, the plan keeping every rule. Each answers yes with known odds, independently, and before the next wave.
A firm stands by for one seat only: the one that is least likely to be filled when it is dealt out.

Within a seat the likelier candidate is asked first: exchanging two asks never fills it later. If asks are not limited,
seats do not touch each other, and one is filled unless all asked for it decline. If only so many may be asked at once,
how many to ask for which seat is found by dynamic programming over the waves left and what has been asked
(Bellman, *Dynamic Programming*, 1957), exactly: first the odds that all seats are filled, then the expected value of
those that are. Odds are exact fractions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod

from optimizer.check import Case, Units
from optimizer.eligibility import sift
from optimizer.planning import PlanDisputed
from optimizer.problem import WHOLE, Problem, canonical
from optimizer.result import Plan
from optimizer.score import base, scores_of
from optimizer.trial import stated, units_of

MOST_STATES = 20_000
"""How many states the seats may have together where asks are limited."""

UNKNOWN = 5_000
"""The odds, in basis points, of a firm about which nothing is known."""

Odds = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A firm that could fill a seat, and the odds that it accepts, in basis points."""

    firm: str
    odds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What one member of a plan carries, its value, and who could fill it, in the order in which they are asked."""

    member: str
    value: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An invitation of a firm to the seat of a member."""

    member: str
    firm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """Whom to ask in each wave, as long as everybody declines, and what may be expected.

    The first wave is what to do now; after answers, ask again with the seats that are left. `certainty` is the chance
    that every seat is filled by the last wave, in basis points rounded down; `expected` the value that is then filled
    on average.

    >>> Waves(seats=(), waves=(), certainty=10000, expected=0).waves
    ()
    """

    seats: tuple[Seat, ...]
    waves: tuple[tuple[Ask, ...], ...]
    certainty: int
    expected: int


def invitation_waves(
    problem: Problem,
    plan: Plan,
    odds: Mapping[str, int],
    *,
    waves: int,
    at_once: int | None = None,
    per_seat: int = 1,
    unknown: int = UNKNOWN,
) -> Waves:
    """Tell whom to invite in each of the waves that the deadline leaves time for.

    `odds` are basis points by firm. At most `at_once` invitations go out in a wave, `per_seat` for one seat; with more
    than one for a seat, more may accept than are needed.

    >>> from optimizer import Firm, Offer, Package, solve
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=4, value=400, max_suppliers=1),),
    ...     offers=(Offer(firm="F1", package="WP1", fit=90), Offer(firm="F2", package="WP1", fit=80)))
    >>> asked = invitation_waves(problem, solve(problem).plans[0], {"F1": 5000, "F2": 8000}, waves=2)
    >>> [[ask.firm for ask in wave] for wave in asked.waves], asked.certainty
    ([['F2'], ['F1']], 9000)

    Raises `ValueError` for limits below one, odds outside 0 to 10000, or limited asks for too many seats.
    """
    if min(waves, per_seat, 1 if at_once is None else at_once) < 1:
        raise ValueError("at least one wave and one invitation are needed")
    if not all(0 <= chance <= WHOLE for chance in (unknown, *odds.values())):
        raise ValueError("odds are basis points from 0 to 10000")
    seats = seats_of(canonical(problem), plan, odds, unknown)
    if at_once is None or at_once >= per_seat * len(seats):
        at_once = per_seat * len(seats)
    elif prod(len(seat.candidates) + 2 for seat in seats) > MOST_STATES:
        raise ValueError("asks are limited for too many seats")
    table = _Table(seats, at_once, per_seat)
    sure, value = table.best(waves)
    return Waves(seats=seats, waves=table.path(waves), certainty=(WHOLE * sure).__floor__(), expected=value.__floor__())


def seats_of(problem: Problem, plan: Plan, odds: Mapping[str, int], unknown: int = UNKNOWN) -> tuple[Seat, ...]:
    """Return the seats of a plan with their candidates; the problem is in canonical order."""
    units = units_of(plan)
    case = Case(problem, units)
    able = {member: _able(problem, case, member) for member in case.members}
    dealt = {member: [Candidate(firm=member, odds=odds.get(member, unknown))] for member in case.members}
    free = sorted(
        {firm for firms in able.values() for firm in firms}, key=lambda firm: (-odds.get(firm, unknown), firm)
    )
    for firm in free:
        wanting = [member for member in case.members if firm in able[member]]
        member = min(wanting, key=lambda member: (_filled(dealt[member]), able[member].index(firm), member))
        dealt[member].append(Candidate(firm=firm, odds=odds.get(firm, unknown)))
    return tuple(
        Seat(
            member=member,
            value=case.held[member] // case.multiple,
            candidates=tuple(sorted(dealt[member], key=lambda candidate: -candidate.odds)),
        )
        for member in case.members
    )


def _able(problem: Problem, case: Case, member: str) -> list[str]:
    """Return the firms outside a plan that could take all a member carries, those that leave the best plan first."""
    carried = {package: n for (firm, package), n in case.units.items() if firm == member}
    room = {(slot.firm.id, slot.package.id): slot for slot in sift(problem).slots}
    found: list[tuple[tuple[int, ...], str]] = []
    for firm in sorted({slot.firm.id for slot in room.values()} - set(case.members)):
        slots = [(room.get((firm, package)), n) for package, n in carried.items()]
        if all(slot is not None and slot.least <= n <= slot.most for slot, n in slots):
            worth = _worth(problem, {(firm if f == member else f, p): n for (f, p), n in case.units.items()})
            if worth is not None:
                found.append((worth, firm))
    return [firm for _, firm in sorted(found, key=lambda one: (tuple(-value for value in one[0]), one[1]))]


def _worth(problem: Problem, units: Units) -> tuple[int, ...] | None:
    try:
        stated(problem, units)
    except PlanDisputed:
        return None
    return base(problem, scores_of(Case(problem, units)))


def _filled(candidates: Sequence[Candidate]) -> Fraction:
    """Return the chance that at least one accepts."""
    return 1 - prod((Fraction(WHOLE - candidate.odds, WHOLE) for candidate in candidates), start=Fraction(1))


class _Table:
    """The best that can be done from every state: how many of each seat's candidates have declined, `None`: filled."""

    def __init__(self, seats: Sequence[Seat], at_once: int, per_seat: int) -> None:
        self.seats, self.at_once, self.per_seat = seats, at_once, per_seat
        self.joint = at_once < per_seat * len(seats)
        self.value = cache(self._value)

    def best(self, waves: int) -> Odds:
        """Return the chance that all seats are filled and the expected value of those that are."""
        if self.joint:
            return self.value(waves, (0,) * len(self.seats))
        chances = [_filled(seat.candidates[: waves * self.per_seat]) for seat in self.seats]
        expected = sum((c * seat.value for c, seat in zip(chances, self.seats, strict=True)), Fraction(0))
        return prod(chances, start=Fraction(1)), expected

    def path(self, waves: int) -> tuple[tuple[Ask, ...], ...]:
        """Return whom to ask in each wave while everybody declines."""
        state: tuple[int | None, ...] = (0,) * len(self.seats)
        told = []
        for left in range(waves, 0, -1):
            asks = self._asks(left, state)
            told.append(
                tuple(
                    Ask(member=seat.member, firm=candidate.firm)
                    for seat, n, asked in zip(self.seats, state, asks, strict=True)
                    for candidate in seat.candidates[n or 0 : (n or 0) + asked]
                )
            )
            state = tuple((n or 0) + asked for n, asked in zip(state, asks, strict=True))
        return tuple(wave for wave in told if wave)

    def _asks(self, left: int, state: tuple[int | None, ...]) -> tuple[int, ...]:
        if not self.joint:
            return tuple(self._open(seat, n) for seat, n in zip(self.seats, state, strict=True))
        return max(self._choices(state), key=lambda asks: (self._after(left, state, asks), tuple(-n for n in asks)))

    def _open(self, seat: Seat, asked: int | None) -> int:
        """Return how many may be asked for a seat in one wave."""
        return 0 if asked is None else min(self.per_seat, len(seat.candidates) - asked)

    def _choices(self, state: tuple[int | None, ...]) -> list[tuple[int, ...]]:
        ranges = [range(self._open(seat, n) + 1) for seat, n in zip(self.seats, state, strict=True)]
        return [asks for asks in product(*ranges) if sum(asks) <= self.at_once]

    def _value(self, left: int, state: tuple[int | None, ...]) -> Odds:
        if left == 0:
            return Fraction(all(n is None for n in state)), Fraction(0)
        return max(self._after(left, state, asks) for asks in self._choices(state))

    def _after(self, left: int, state: tuple[int | None, ...], asks: tuple[int, ...]) -> Odds:
        """Return what may be expected from here when so many are asked for each seat now."""
        sure, value = Fraction(0), Fraction(0)
        branches = [self._branches(*part) for part in zip(self.seats, state, asks, strict=True)]
        for outcome in product(*branches):
            chance = prod((branch[1] for branch in outcome), start=Fraction(1))
            all_of_them, rest = self.value(left - 1, tuple(branch[0] for branch in outcome))
            sure += chance * all_of_them
            value += chance * (rest + sum(branch[2] for branch in outcome))
        return sure, value

    def _branches(self, seat: Seat, n: int | None, asked: int) -> list[tuple[int | None, Fraction, int]]:
        """Return how a seat may stand after a wave, with the chance and the value filled in it."""
        if n is None or not asked:
            return [(n, Fraction(1), 0)]
        filled = _filled(seat.candidates[n : n + asked])
        return [(None, filled, seat.value), (n + asked, 1 - filled, 0)]
