"""The optimizer's answers about a project: each is what the optimizer says of it, and tells no closed price."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

import optimizer
from coalitions import answering
from coalitions.answering import Effort, Matter, matter
from coalitions.basis import PlanOutdated, PricesClosed, plan_of, rest_on, unpriced, yardstick
from coalitions.matching import match
from coalitions.portfolios import demand, staffed
from coalitions.suggestion import pose
from domain.world import Offering, Opening, Supplier, World
from optimizer import Goals, Mode, Problem
from tests.coalitions.worlds import OWNER, link, offering, opening, package, supplier, world

CELLS, POWER = package(1, "磷酸铁锂电芯", critical=True, max_suppliers=2), package(2, "储能变流器")
PRICES = {1: 61, 2: 67, 3: 71, 4: 73, 5: 79}
QUICK = Effort(seconds=5.0)
NOBODY = UUID(int=4_444)
Ask = Callable[[Matter], Any]


def priced(number: int, phrase: str, prices: Mapping[int, int], **over: Any) -> Offering:
    usual: dict[str, Any] = {"price": prices[number], "currency": "CNY", "lead_days": 30 + number}
    return offering(100 + number, phrase, **usual | over)


def city(prices: Mapping[int, int] = PRICES, *, shown: bool = False, **over: Any) -> World:
    """Three makers of cells, two of converters; 1 and 2 buy from 9. Their prices are closed unless `shown`."""
    firms = [
        supplier(n, priced(n, "磷酸铁锂电芯" if n < 4 else "储能变流器", prices, price_disclosed=shown), sme=n % 2 == 1)
        for n in PRICES
    ]
    return world(*firms, links=(link(1, 4),), **over)


def project(**over: Any) -> Opening:
    return opening(CELLS, POWER, **{"budget": 1_700, "rules": {"max_members": 3}} | over)


ALL = frozenset(str(UUID(int=n)) for n in PRICES)
PLAN = {("1", "WP01"): 5, ("2", "WP01"): 5, ("4", "WP02"): 10}
UNITS = {(str(UUID(int=int(firm))), code): units for (firm, code), units in PLAN.items()}


def asked(prices: Mapping[int, int] = PRICES, *, shown: bool = False, **over: Any) -> Matter:
    """The project as its publisher may have it solved; `shown` prices are open to him."""
    return matter(city(prices, shown=shown), project(**over), OWNER, ALL if shown else frozenset(), {})


ASKS: dict[str, Ask] = {
    "diagnose": lambda about: answering.diagnosed(about, QUICK),
    "rules": lambda about: answering.rule_costs(about, QUICK),
    "explain": lambda about: answering.explained(about, UNITS, QUICK),
    "repair": lambda about: answering.repaired(about, UNITS, [str(UUID(int=2))], QUICK),
    "harden": lambda about: answering.secured(about, UNITS, None, (link(9, 1), link(9, 2)), QUICK),
    "frontier": lambda about: answering.tradeoffs(about, ("price", "sme"), 4, QUICK),
    "waves": lambda about: answering.asking(about, UNITS, {str(UUID(int=3)): (4, 4)}, 2, 72, None),
    "portfolio": lambda about: staffed(demand([about]), 0, QUICK),
}


# ---- what a price may tell ----


@pytest.mark.parametrize("kind", ASKS)
def test_an_answer_is_the_same_whatever_closed_prices_are(kind: str) -> None:
    """Where one price is closed, no price counts: other prices, another budget even, leave every word as it is."""
    cheap, dear = {n: 11 + n for n in PRICES}, {n: 199 - 7 * n for n in PRICES}

    told = {json.dumps(asdict(ASKS[kind](asked(prices))), sort_keys=True) for prices in (PRICES, cheap, dear)}

    assert len(told) == 1


@pytest.mark.parametrize("kind", ["rules", "explain", "portfolio"])
def test_with_open_prices_the_answer_does_move_with_them(kind: str) -> None:
    """The control of the test above: it would see a price that counted."""
    dear = {n: 90 - 5 * n for n in PRICES}

    told = {json.dumps(asdict(ASKS[kind](asked(prices, shown=True)))) for prices in (PRICES, dear)}

    assert len(told) == 2


def test_a_price_is_open_to_its_owner_to_the_publisher_it_is_shown_to_and_in_accepted_terms() -> None:
    one, other = (str(UUID(int=1)), "WP01"), (str(UUID(int=2)), "WP01")
    town, wanted = city(shown=True), project()

    assert matter(city(), wanted, OWNER, ALL, {}).known == {}
    assert matter(town, wanted, OWNER, frozenset({one[0]}), {}).known == {one: 61}
    assert matter(town, wanted, NOBODY, ALL, {}).known == {}
    assert matter(city(), wanted, UUID(int=2), frozenset(), {}).known == {other: 67}
    assert matter(town, wanted, OWNER, frozenset({one[0]}), {one: 60}).known == {one: 60}


def test_without_prices_the_weight_of_the_price_goes_and_what_is_left_is_weighed_as_before() -> None:
    def left(**goals: Any) -> Goals:
        return unpriced(Problem(firms=(), packages=(), offers=(), goals=Goals(**goals))).goals

    assert left(weights=(("fit", 7), ("price", 3))).weights == (("fit", 7),)
    assert left(weights=(("price", 3), ("sme", 0))).weights == (("fit", 1),)
    assert left(mode=Mode.LEXICOGRAPHIC, order=("price", "sme")).order == ("sme",)
    assert left(mode=Mode.LEXICOGRAPHIC, order=("price",)).weights == (("fit", 1),)
    assert left(mode=Mode.COST).weights == (("fit", 1),)


def test_a_perfect_score_is_a_million_by_whatever_is_wanted() -> None:
    packages = (optimizer.Package(id="WP1", quantity=10, value=500),)

    def perfect(**goals: Any) -> int:
        return yardstick(Problem(firms=(), packages=packages, offers=(), goals=Goals(**goals))).perfect

    assert perfect(mode=Mode.COST) == 500
    assert perfect(mode=Mode.LEXICOGRAPHIC, order=("fit",)) == 1_000_000
    assert perfect(weights=(("fit", 2), ("sme", 3))) == 5_000_000


# ---- each answer is the optimizer's ----


def direct(*, shown: bool) -> Problem:
    """The project's problem made by hand: with every price, or without any and without the budget."""
    town, wanted = city(shown=shown), project()
    whole = pose(town, wanted, match(town, wanted))
    return whole if shown else unpriced(whole)


@pytest.mark.parametrize("shown", [True, False])
def test_the_price_of_rules_is_the_optimizers_and_money_stands_only_where_prices_are_open(shown: bool) -> None:
    told = answering.rule_costs(asked(shown=shown), QUICK)

    found = optimizer.price_of_rules(direct(shown=shown), seconds=5.0)
    assert [(each.rule, each.before, each.dropped.after) for each in told.rules] == [
        (each.rule, each.before, each.dropped.after) for each in found.prices
    ]
    assert [each.dropped.helps for each in told.rules] == [each.dropped.helps for each in found.prices]
    costs = [each.dropped.cost for each in told.rules]
    assert costs == [each.dropped.cost for each in found.prices] if shown else set(costs) == {None}
    assert ("budget" in {each.rule for each in told.rules}) is shown


def test_each_member_is_worth_what_the_plan_would_lose_without_it() -> None:
    told = answering.explained(asked(shown=True), UNITS, QUICK)

    problem = direct(shown=True)
    found = optimizer.explain(problem, plan_of(rest_on(problem, known_all()).problem, UNITS), seconds=5.0)
    yard = yardstick(problem)
    assert {each.firm: each.loss for each in told.members} == {
        each.firm: None if each.loss is None else yard.told(each.loss) for each in found.members
    }
    assert [(each.package, each.firm) for each in told.runners] == [(each.package, each.firm) for each in found.rivals]
    assert {each.rule for each in told.binding} == {"member-limit", "max-suppliers", "min-suppliers"}
    assert sum(each.value_share for each in told.members) == 10_000
    assert {move.goal for runner in told.runners for move in runner.moves} <= {"fit", "price", "members", "resilience"}


def known_all() -> dict[tuple[str, str], int]:
    return {(str(UUID(int=n)), "WP01" if n < 4 else "WP02"): price for n, price in PRICES.items()}


def test_a_member_without_whom_there_is_no_plan_has_no_loss_but_is_indispensable() -> None:
    lone = world(supplier(1, offering(101, "储能变流器")))
    about = matter(lone, opening(POWER), OWNER, frozenset(), {})

    (merit,) = answering.explained(about, {(str(UUID(int=1)), "WP02"): 10}, QUICK).members

    assert (merit.loss, merit.indispensable, merit.status) == (None, True, "infeasible")


def test_a_runner_up_that_cannot_join_has_no_loss() -> None:
    about = asked(rules={"max_members": 3, "required": [str(UUID(int=n)) for n in (1, 2, 4)]})

    runners = answering.explained(about, UNITS, QUICK).runners

    assert {(each.package, each.loss, each.status) for each in runners} >= {("WP01", None, "infeasible")}


def test_a_plan_that_breaks_a_rule_by_now_is_refused_with_the_rule() -> None:
    with pytest.raises(PlanOutdated, match="plan-outdated") as refused:
        answering.explained(asked(rules={"max_members": 2}), UNITS, QUICK)

    assert "member-limit" in str(refused.value.params["rules"])


def test_an_infeasible_project_is_told_its_smallest_cures_and_one_conflict() -> None:
    about = asked(rules={"max_members": 2})

    told = answering.diagnosed(about, QUICK)

    found = optimizer.diagnose(about.problem, fixes=5, seconds=2.0)
    assert told.status == "infeasible"
    assert [[each.rule for each in cure.eased] for cure in told.cures] == [
        [each.rule for each in fix.relaxations] for fix in found.fixes
    ]
    assert told.cures[0].team is not None
    assert told.cures[0].team.cost is None
    assert {each.rule for each in told.conflict} >= {"member-limit"}


def test_work_that_nobody_can_do_is_named_as_the_cause() -> None:
    small = replace(city(), suppliers=(supplier(1, offering(101, "储能变流器", monthly=4)),))

    told = answering.diagnosed(matter(small, opening(POWER), OWNER, frozenset(), {}), QUICK)

    assert [(cause.package, cause.units) for cause in told.causes] == [("WP02", 6)]


def test_a_budget_that_nobody_can_meet_is_named_without_an_amount() -> None:
    """All that is left to say without prices: there are plans, so nothing but the budget can be in the way."""
    told = answering.diagnosed(asked(budget=3), QUICK)
    open_to_all = answering.diagnosed(asked(budget=900, shown=True), QUICK)

    assert (told.status, told.budget_alone, told.cures) == ("optimal", True, ())
    (relaxation,) = open_to_all.cures[0].eased
    cheapest = 9 * 61 + 1 * 67 + 10 * 73
    assert (relaxation.rule, relaxation.before, relaxation.after) == ("budget", 900, cheapest)


@pytest.mark.parametrize("lost", [2, 9])
def test_a_repair_is_the_optimizers_and_a_firm_that_is_gone_takes_its_work_along(lost: int) -> None:
    """Firm 9 has been struck off: no offer of it is there any more, and nobody needed to say so."""
    units = {(str(UUID(int=lost)) if n == str(UUID(int=2)) else n, code): k for (n, code), k in UNITS.items()}
    about = asked()

    told = answering.repaired(about, units, [str(UUID(int=2))] if lost == 2 else [], QUICK)

    gone = optimizer.repair(about.problem, plan_of(about.problem, UNITS), lost=[str(UUID(int=2))], seconds=5.0)
    if lost == 2:
        assert [way.changes for way in told.ways] == [way.changes for way in gone.efficient]
        assert [way.joining for way in told.ways] == [way.joining for way in gone.efficient]
    else:
        assert [(each.firm, each.package) for each in told.lost_work] == [(str(UUID(int=9)), "WP01")]
        assert {each.firm for way in told.ways for each in way.team.work} <= ALL
    assert told.ways[0].gain == 0
    assert [way.gain for way in told.ways] == sorted(way.gain for way in told.ways)


def test_a_declared_loss_of_a_firm_that_no_longer_offers_anything_is_a_loss_of_its_parts() -> None:
    struck = str(UUID(int=9))
    units = {(struck if firm == str(UUID(int=2)) else firm, code): n for (firm, code), n in UNITS.items()}

    told = answering.repaired(asked(), units, [struck], QUICK)

    assert (told.lost, told.lost_work) == ((struck,), ())
    assert told.ways


def test_a_safe_plan_names_what_one_loss_would_leave_short_and_never_how_much() -> None:
    links = (link(9, 1), link(9, 2), link(8, 9))

    told = answering.secured(asked(), UNITS, None, links, QUICK)

    one, two = str(UUID(int=1)), str(UUID(int=2))
    found = optimizer.harden(
        asked().problem, upstream={one: [str(UUID(int=9)), str(UUID(int=8))], two: [str(UUID(int=9))]}, seconds=5.0
    )
    assert told.packages == ("WP01",)
    assert {(each.members, each.source) for each in told.exposures} >= {((one, two), True)}
    assert told.team is not None
    assert found.plan is not None
    assert sorted(told.team.members) == sorted(found.plan.members)
    assert str(UUID(int=3)) in told.team.members
    assert told.cost is None
    assert {each.firm for each in told.reserves} <= set(told.team.members)


def test_what_safety_costs_is_told_in_money_where_prices_are_open_and_nothing_where_there_is_no_safe_plan() -> None:
    told = answering.secured(asked(shown=True, budget=3_000), None, ["WP02"], (), QUICK)
    lone = matter(world(supplier(1, offering(101, "储能变流器"))), opening(POWER), OWNER, frozenset(), {})
    none = answering.secured(lone, None, ["WP02"], (), QUICK)

    found = optimizer.harden(asked(shown=True, budget=3_000).problem, packages=["WP02"], seconds=5.0)
    assert told.cost == found.cost
    assert told.exposures == ()
    assert (none.status, none.team, none.price) == ("infeasible", None, None)


def test_where_no_package_is_critical_all_are_guarded() -> None:
    easy = opening(replace(CELLS, critical=False), replace(POWER, max_suppliers=2))

    told = answering.secured(matter(city(), easy, OWNER, frozenset(), {}), None, None, (), QUICK)

    assert told.packages == ("WP01", "WP02")


def test_shares_of_packages_without_a_value_are_shares_of_heads() -> None:
    free = opening(replace(POWER, value=0))

    assert answering.value_shares(free, {("A", "WP02"): 9, ("B", "WP02"): 1}) == {"A": 5_000, "B": 5_000}


def test_suppliers_within_two_tiers_are_upstream_and_firms_without_any_are_left_out() -> None:
    links = (link(9, 1), link(8, 9), link(7, 8))

    found = answering.upstream_of([UUID(int=1), UUID(int=2), UUID(int=7)], links)

    assert found == {str(UUID(int=1)): (str(UUID(int=9)), str(UUID(int=8)))}


def test_efficient_plans_are_the_optimizers_and_the_price_is_an_axis_only_where_it_counts() -> None:
    told = answering.tradeoffs(asked(shown=True), ("price", "sme", "sme"), 4, QUICK)
    closed = answering.tradeoffs(asked(), ("price", "sme"), 4, QUICK)
    nothing = answering.tradeoffs(asked(), ("price",), 4, QUICK)

    found = optimizer.frontier(direct(shown=True), ("price", "sme"), points=4, seconds=5.0)
    assert [set(point.team.members) for point in told.points] == [set(point.plan.members) for point in found.points]
    assert told.axes == ("price", "sme")
    assert (closed.axes, closed.left_out) == (("sme",), ("price",))
    assert (nothing.axes, nothing.points) == ((), ())


def test_who_has_always_accepted_is_asked_before_who_is_unknown() -> None:
    trusted = str(UUID(int=3))

    told = answering.asking(asked(), UNITS, {trusted: (8, 8), str(NOBODY): (1, 1)}, 2, 72, None)

    found = optimizer.invitation_waves(
        asked().problem, plan_of(asked().problem, UNITS), {trusted: 9_000}, waves=2, unknown=5_000
    )
    assert trusted in {turn.firm for turn in told.waves[0]}
    assert (told.certainty, told.expected, told.known) == (found.certainty, found.expected, 1)
    assert (told.prior_accepted, told.prior_asked) == (1, 2)


def test_the_digest_is_that_of_the_problem_the_answer_rests_on() -> None:
    assert asked().digest == asked({n: 9 for n in PRICES}).digest
    assert asked(shown=True).digest != asked().digest


# ---- money ----


def test_room_is_told_against_open_rivals_only_and_refused_while_the_plan_has_closed_prices() -> None:
    about = asked(shown=True)
    firm = str(UUID(int=4))
    rival = replace(about, known={key: price for key, price in about.known.items() if key[0] != str(UUID(int=5))})

    told = answering.haggled(about, UNITS, firm, QUICK)
    alone = answering.haggled(rival, UNITS, firm, QUICK)

    found = optimizer.negotiation_room(direct(shown=True), plan_of(about.problem, UNITS), firm, seconds=5.0)
    assert [(each.price, each.highest) for each in told.ceilings] == [
        (each.price, each.highest) for each in found.reservations
    ]
    assert (told.left_out, alone.left_out) == (0, 1)
    with pytest.raises(PricesClosed) as refused:
        answering.haggled(asked(), UNITS, firm, QUICK)
    assert refused.value.params == {"closed": 3, "of": 3}


def test_room_does_not_move_with_a_rivals_closed_price() -> None:
    def told(price: int) -> Any:
        about = asked({**PRICES, 5: price}, shown=True)
        known = {key: each for key, each in about.known.items() if key[0] != str(UUID(int=5))}
        return answering.haggled(replace(about, known=known), UNITS, str(UUID(int=4)), QUICK)

    assert told(74) == told(99)


def test_shares_sum_to_the_gain_in_every_way_and_carry_their_certificate() -> None:
    about = asked(shown=True)

    told = answering.divided(about, UNITS)

    plan = plan_of(about.problem, UNITS)
    gain = 2_000 - (5 * 61 + 5 * 67 + 10 * 73)
    assert [each.method for each in told.divisions] == ["value", "shapley", "least-core", "equal-profit"]
    assert {sum(part.amount for part in each.parts) for each in told.divisions} == {gain}
    for each in told.divisions:
        found = optimizer.shares(direct(shown=True), plan, method=each.method)
        assert {part.firm: part.amount for part in each.parts} == {s.firm: s.amount for s in found.shares}
        blocked = found.certificate.gain > 0
        assert set(each.blocking) == (set(found.certificate.group) if blocked else set())
        assert (each.blocking_gain, each.stable) == (max(0, found.certificate.gain), found.certificate.stable)
    with pytest.raises(PricesClosed):
        answering.divided(asked(), UNITS)


def test_shares_do_not_move_with_what_a_member_asks_for_other_work() -> None:
    """Acceptance opens the price of what was accepted, not of what else the firm could do."""

    def told(price: int) -> Any:
        maker = supplier(4, priced(4, "储能变流器", PRICES), offering(204, "磷酸铁锂电芯", price=price, currency="CNY"))
        town = city()
        firms = tuple(maker if each.id == maker.id else each for each in town.suppliers)
        accepted = {key: known_all()[key] for key in UNITS}
        about = matter(replace(town, suppliers=firms), project(), OWNER, frozenset(), accepted)
        return answering.divided(about, UNITS)

    assert told(20) == told(90)


# ---- many projects ----


def twins(shown: bool, second: int = 10, **over: Any) -> list[Matter]:
    """Two projects that want converters of the same two firms; together they want more than there is."""
    firms: list[Supplier] = [
        supplier(
            n, offering(100 + n, "储能变流器", monthly=8, price=10 * n, currency="CNY", price_disclosed=shown),
            sme=n == 1,
        )
        for n in (1, 2)
    ]  # fmt: skip
    first = package(1, "储能变流器", max_suppliers=2, value=900)
    other = package(2, "储能变流器", max_suppliers=2, quantity=second, value=1_000, **over)
    names = frozenset(str(firm.id) for firm in firms)
    return [
        matter(world(*firms), replace(opening(each), id=UUID(int=number)), OWNER, names, {})
        for number, each in ((11, first), (12, other))
    ]


def test_projects_that_want_more_than_there_is_are_not_all_staffed_and_the_scarce_capability_is_named() -> None:
    told = staffed(demand(twins(shown=False)), 0, QUICK)

    assert [each.opportunity for each in told.staffed] == [str(UUID(int=12))]
    assert told.unstaffed == (str(UUID(int=11)),)
    assert told.gain == 1_000
    assert told.staffed[0].team.cost is None
    assert {each.capability for each in told.scarce} <= {"储能变流器"}


def test_with_open_prices_a_portfolio_gains_money_and_the_floor_of_small_firms_is_kept() -> None:
    asked_for = demand(twins(shown=True, second=6))

    told = staffed(asked_for, 4_000, QUICK)

    assert (asked_for.priced, asked_for.closed) == (True, 0)
    assert len(told.staffed) == 2
    assert told.gain == 1_900 - sum(each.team.cost or 0 for each in told.staffed)
    assert told.sme_share >= 4_000
    assert told.gain <= told.bound


def test_projects_in_different_months_share_what_a_firm_has_free_in_all_of_them() -> None:
    apart = twins(shown=False, starts=date(2027, 8, 1), ends=date(2027, 8, 31))

    told = staffed(demand(apart), 0, QUICK)

    assert len(told.staffed) == 2


def test_the_same_question_has_the_same_digest_in_any_order_and_none_with_another_capacity() -> None:
    both = twins(shown=False)

    assert demand(both).digest == demand(both[::-1]).digest
    assert demand(both).digest != demand(twins(shown=False, second=9)).digest


def test_a_capability_without_a_stated_capacity_is_shared_without_limit() -> None:
    firm = supplier(1, offering(101, "储能变流器", monthly=None))
    abouts = [
        matter(world(firm), replace(opening(package(n, "储能变流器")), id=UUID(int=n)), OWNER, frozenset(), {})
        for n in (1, 2)
    ]

    told = staffed(demand(abouts), 0, QUICK)

    assert (len(told.staffed), told.scarce) == (2, ())
    assert told.gain == 2_000
