"""How far a price may rise: at the highest the firm is still in, one unit above it is not."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from optimizer import Problem, negotiation_room, solve
from optimizer.brute import best
from optimizer.guidance import exchanged
from optimizer.problem import canonical
from tests.optimizer.cases import PROJECT, offered, ruled
from tests.optimizer.test_guidance import wanted
from tests.strategies_problems import problems


def at(problem: Problem, firm: str, package: str, price: int) -> Problem:
    offer = next(o for o in problem.offers if (o.firm, o.package) == (firm, package))
    return exchanged(problem, replace(offer, price=price))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(problems())
def test_at_the_reservation_price_a_firm_is_in_and_above_it_out(problem: Problem) -> None:
    problem = canonical(replace(problem, ties=()))
    assume(best(problem) is not None)
    plan = solve(problem).plans[0]
    firm = plan.members[0]

    room = negotiation_room(problem, plan, firm)

    assert room.wanted
    assert room.sure
    assert len(room.reservations) == sum(part.firm == firm for part in plan.assignments)
    for part in room.reservations:
        if part.highest is None:
            reference = next(p.unit_price for p in problem.packages if p.id == part.package)
            assert wanted(
                at(problem, firm, part.package, 11 * max(1, reference if part.price is None else part.price)), firm
            )
        else:
            assert part.highest == (part.price or 0) or wanted(at(problem, firm, part.package, part.highest), firm)
            assert not wanted(at(problem, firm, part.package, part.highest + 1), firm)


def test_all_prices_together_may_rise_until_the_next_best_team_is_cheaper() -> None:
    plan = solve(PROJECT).plans[0]

    room = negotiation_room(PROJECT, plan, "A")

    rise = room.rise or 0
    assert wanted(dearer(rise), "A")
    assert not wanted(dearer(rise + 200), "A")


def dearer(by: int) -> Problem:
    return offered(offered(price=50 * (10_000 + by) // 10_000), package="WP2", price=50 * (10_000 + by) // 10_000)


def test_who_cannot_be_replaced_has_no_limit_but_the_budget() -> None:
    alone = replace(PROJECT, offers=tuple(offer for offer in PROJECT.offers if offer.firm == "A"))
    plan = solve(alone).plans[0]

    free, bound = negotiation_room(alone, plan, "A"), negotiation_room(ruled(alone, budget=440), plan, "A")

    assert (free.rise, [part.highest for part in free.reservations]) == (None, [None, None])
    assert [part.highest for part in bound.reservations] == [60, 60]


def test_a_member_that_no_best_plan_needs_has_no_room() -> None:
    forced = ruled(required=("C",))

    room = negotiation_room(PROJECT, solve(forced).plans[0], "C")

    assert (room.wanted, room.rise, room.reservations) == (False, 0, ())


def test_who_is_no_member_is_refused() -> None:
    with pytest.raises(ValueError, match="no member"):
        negotiation_room(PROJECT, solve(PROJECT).plans[0], "C")
