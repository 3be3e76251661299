"""Whom to ask first: the odds told are those of the policy, and no other order of asking has better ones."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from math import prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer import Firm, Offer, Package, Problem, Seat, invitation_waves, solve, violations
from optimizer.brute import best
from optimizer.problem import canonical
from optimizer.trial import stated, units_of
from optimizer.waves import seats_of
from tests.optimizer.cases import PROJECT, packaged, ruled
from tests.strategies_problems import problems

ODDS = st.fixed_dictionaries({f"F{i}": st.sampled_from([0, 2500, 5000, 9000, 10_000]) for i in range(4)})
State = tuple[frozenset[str] | None, ...]


def subsets(seat: Seat, asked: frozenset[str] | None, most: int) -> Iterator[frozenset[str]]:
    left = [] if asked is None else [c.firm for c in seat.candidates if c.firm not in asked]
    for size in range(min(most, len(left)) + 1):
        yield from map(frozenset, combinations(left, size))


class Policies:
    """The best odds over every way to ask any candidates in any order: state by state, subset by subset."""

    def __init__(self, seats: tuple[Seat, ...], at_once: int, per_seat: int) -> None:
        self.seats, self.at_once, self.per_seat = seats, at_once, per_seat
        self.odds = {c.firm: Fraction(c.odds, 10_000) for seat in seats for c in seat.candidates}
        self.value = cache(self.best)

    def best(self, left: int, state: State) -> tuple[Fraction, Fraction]:
        if not left:
            return Fraction(all(asked is None for asked in state)), Fraction(0)
        groups = [list(subsets(seat, asked, self.per_seat)) for seat, asked in zip(self.seats, state, strict=True)]
        return max(self.after(left, state, asks) for asks in product(*groups) if sum(map(len, asks)) <= self.at_once)

    def after(self, left: int, state: State, asks: tuple[frozenset[str], ...]) -> tuple[Fraction, Fraction]:
        firms = [(s, firm) for s, group in enumerate(asks) for firm in sorted(group)]
        sure = worth = Fraction(0)
        for answers in product([False, True], repeat=len(firms)):
            said = list(zip(firms, answers, strict=True))
            chance = prod((self.odds[f] if yes else 1 - self.odds[f] for (_, f), yes in said), start=Fraction(1))
            filled = {s for (s, _), yes in said if yes}
            then = tuple(None if n is None or s in filled else n | asks[s] for s, n in enumerate(state))
            all_of_them, rest = self.value(left - 1, then)
            sure += chance * all_of_them
            worth += chance * (rest + sum(self.seats[s].value for s in filled))
        return sure, worth


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems(), ODDS, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_no_other_order_of_asking_has_better_odds(
    problem: Problem, odds: dict[str, int], waves: int, at_once: int, per_seat: int
) -> None:
    assume(best(problem) is not None)
    plan = solve(problem).plans[0]

    for limit in (at_once, None):
        found = invitation_waves(problem, plan, odds, waves=waves, at_once=limit, per_seat=per_seat)
        sure, value = Policies(found.seats, 99 if limit is None else limit, per_seat).value(
            waves, (frozenset(),) * len(found.seats)
        )
        assert found.certainty == (10_000 * sure).__floor__()
        assert found.expected == value.__floor__()
        for wave in found.waves:
            assert len(wave) <= (99 if limit is None else limit)
        firms = [ask.firm for wave in found.waves for ask in wave]
        assert len(set(firms)) == len(firms)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), ODDS)
def test_every_candidate_of_a_seat_could_take_it_alone(problem: Problem, odds: dict[str, int]) -> None:
    problem = canonical(problem)
    assume(best(problem) is not None)
    plan = solve(problem).plans[0]

    seats = seats_of(problem, plan, odds)

    assert [seat.member for seat in seats] == list(plan.members)
    for seat in seats:
        assert seat.member in {candidate.firm for candidate in seat.candidates}
        for candidate in seat.candidates:
            units = {(candidate.firm if f == seat.member else f, p): n for (f, p), n in units_of(plan).items()}
            assert violations(problem, stated(problem, units)) == ()


def test_the_likelier_firm_is_asked_first_and_a_reserve_serves_one_seat_only() -> None:
    problem = replace(packaged(ruled(min_members=2), max_suppliers=1), rules=ruled(max_members=2).rules)
    plan = solve(packaged(problem, "WP2", max_suppliers=1)).plans[0]

    found = invitation_waves(problem, plan, {"A": 6000, "B": 9000, "C": 8000}, waves=2)

    assert sum(ask.firm == "C" for wave in found.waves for ask in wave) <= 1
    assert found.waves[0][0].firm in ("B", "A", "C")


def test_what_is_not_known_counts_as_even_odds() -> None:
    alone = replace(PROJECT, offers=tuple(offer for offer in PROJECT.offers if offer.firm == "A"))

    assert invitation_waves(alone, solve(alone).plans[0], {}, waves=1).certainty == 5000


@pytest.mark.parametrize("limits", [{"waves": 0}, {"waves": 1, "at_once": 0}, {"waves": 1, "per_seat": 0}])
def test_at_least_one_must_be_asked(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        invitation_waves(PROJECT, solve(PROJECT).plans[0], {}, **limits)


def test_odds_are_basis_points() -> None:
    with pytest.raises(ValueError, match="basis points"):
        invitation_waves(PROJECT, solve(PROJECT).plans[0], {"A": 10_001}, waves=1)


def test_limited_asks_for_too_many_seats_are_refused() -> None:
    many = Problem(
        firms=tuple(Firm(id=f"F{i}") for i in range(10)),
        packages=tuple(Package(id=f"WP{i}", quantity=1) for i in range(10)),
        offers=tuple(Offer(firm=f"F{i}", package=f"WP{i}") for i in range(10)),
    )
    plan = solve(many).plans[0]

    assert invitation_waves(many, plan, {}, waves=1).certainty == 10_000 // 2**10
    with pytest.raises(ValueError, match="too many seats"):
        invitation_waves(many, plan, {}, waves=1, at_once=9)
