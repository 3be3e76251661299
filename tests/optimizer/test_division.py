"""Money among members: exact to the minor unit, and a certificate that every group can check."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from optimizer import Firm, Goals, Method, Mode, Offer, Package, Plan, Pool, Problem, shares, solve
from optimizer.brute import best
from optimizer.division import Alone
from optimizer.eligibility import sift
from optimizer.game import loudest
from optimizer.problem import canonical
from tests.optimizer.cases import PROJECT, ruled
from tests.strategies_problems import problems


def gained(problem: Problem, firms: set[str]) -> float:
    """What a group gains alone, by another solver and another way of writing it down."""
    slots = [slot for slot in sift(problem, legal_only=True).slots if slot.firm.id in firms]
    costs = sum(firm.member_cost for firm in problem.firms if firm.id in firms)
    if not slots:
        return float(-costs)
    margins = [0.0 if s.offer.price is None else s.package.value / s.package.quantity - s.offer.price for s in slots]
    rows = [[float(s.package.id == package.id) for s in slots] for package in problem.packages]
    rows += [[float(s.offer.load * (s.offer.pool == pool.id)) for s in slots] for pool in problem.pools]
    limits = [package.quantity for package in problem.packages] + [pool.capacity for pool in problem.pools]
    found = linprog([-m for m in margins], np.array(rows), limits, bounds=[(0, s.most) for s in slots])
    return float(-found.fun) - costs


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems(), st.sampled_from(Method))
def test_a_division_is_exact_and_its_certificate_holds_for_every_group(problem: Problem, method: Method) -> None:
    assume(best(problem) is not None)
    plan = solve(problem).plans[0]

    divided = shares(problem, plan, method=method)

    amounts = {share.firm: share.amount for share in divided.shares}
    value = sum(package.value for package in problem.packages)
    assert sum(amounts.values()) == divided.total == value - dict(plan.scores)["cost"]
    complaints = [0.0] if len(plan.members) == 1 else []
    for chosen in product([False, True], repeat=len(plan.members)):
        group = {firm for firm, joins in zip(plan.members, chosen, strict=True) if joins}
        if 0 < len(group) < len(plan.members):
            complaints.append(gained(problem, group) - sum(amounts[firm] for firm in group))
    assert divided.certificate.proved
    assert max(complaints) - 1 - 1e-3 <= divided.certificate.gain <= max(complaints) + 1e-3
    assert divided.certificate.stable == (divided.certificate.gain <= 0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems())
def test_what_a_group_gains_alone_is_what_whole_units_can_gain(problem: Problem) -> None:
    problem = canonical(replace(problem, offers=tuple(replace(o, load=min(o.load, 1)) for o in problem.offers)))
    firms = [firm.id for firm in problem.firms]
    slots = sift(problem, legal_only=True).slots
    sizes = [slot.most + 1 for slot in slots]
    assume(np.prod(sizes) <= 3000)

    gains = []
    for units in product(*map(range, sizes)):
        load = {pool.id: 0 for pool in problem.pools}
        done = {package.id: 0 for package in problem.packages}
        for slot, amount in zip(slots, units, strict=True):
            done[slot.package.id] += amount
            if slot.offer.pool:
                load[slot.offer.pool] += slot.offer.load * amount
        if all(done[p.id] <= p.quantity for p in problem.packages) and all(
            load[p.id] <= p.capacity for p in problem.pools
        ):
            gains.append(
                sum(
                    amount * (slot.package.value - slot.offer.price * slot.package.quantity) / slot.package.quantity
                    for slot, amount in zip(slots, units, strict=True)
                    if slot.offer.price is not None
                )
            )
    costs = sum(firm.member_cost for firm in problem.firms)
    alone = Alone(problem, firms, 0).alone((1 << len(firms)) - 1)
    assert alone + costs == np.floor(max(gains) + 1e-6)


def many(members: int) -> tuple[Problem, Plan]:
    """A project for as many members as wanted, each of whom does a package best and two others as well."""
    dice = np.random.default_rng(members)
    packages = tuple(Package(id=f"WP{i:02d}", quantity=20, value=200_000, max_share=8000) for i in range(members))
    firms = tuple(Firm(id=f"F{i:02d}", member_cost=int(dice.integers(0, 900))) for i in range(members))
    offers = tuple(
        Offer(
            firm=f"F{i:02d}", package=f"WP{(i + step) % members:02d}", price=int(dice.integers(6000, 11_000)),
            capacity=16, pool=f"P{i:02d}",
        )
        for i in range(members)
        for step in range(3)
    )  # fmt: skip
    pools = tuple(Pool(id=f"P{i:02d}", capacity=int(dice.integers(24, 40))) for i in range(members))
    goals = Goals(mode=Mode.COST)
    problem = ruled(
        Problem(firms=firms, packages=packages, offers=offers, pools=pools, goals=goals), min_members=members
    )
    return problem, solve(problem).plans[0]


@pytest.mark.parametrize("method", list(Method))
def test_among_thirteen_members_the_group_that_gains_most_is_still_found(method: Method) -> None:
    problem, plan = many(13)

    divided = shares(problem, plan, method=method, samples=40)

    amounts = [share.amount for share in divided.shares]
    game = Alone(canonical(problem), plan.members, divided.total)
    assert sum(amounts) == divided.total
    assert divided.certificate.proved
    assert divided.certificate.gain == loudest(13, game, amounts)[1]
    assert (divided.error > 0) == (method is Method.SHAPLEY)


def test_twins_get_the_same_and_who_holds_nothing_of_value_an_equal_part() -> None:
    both = ruled(packages_of_no_value(), min_members=2)
    twin = replace(both, offers=tuple(replace(o, price=None) for o in both.offers))
    plan = solve(twin).plans[0]

    for method in Method:
        amounts = [share.amount for share in shares(twin, plan, method=method, total=100).shares]
        assert amounts == [50, 50]


def packages_of_no_value() -> Problem:
    return replace(
        PROJECT,
        packages=tuple(replace(package, value=0) for package in PROJECT.packages),
        offers=tuple(offer for offer in PROJECT.offers if offer.firm != "C"),
    )


def test_a_plan_that_loses_money_shares_the_loss() -> None:
    dear = replace(PROJECT, offers=tuple(replace(offer, price=120) for offer in PROJECT.offers if offer.firm != "C"))
    plan = solve(ruled(dear, min_members=2)).plans[0]

    divided = shares(dear, plan)

    assert sum(share.amount for share in divided.shares) == divided.total < 0
    assert not divided.certificate.stable


def test_a_plan_without_members_has_nothing_to_divide() -> None:
    with pytest.raises(ValueError, match="nothing to divide"):
        shares(PROJECT, replace(solve(PROJECT).plans[0], members=(), assignments=()))
