"""From a world to suggested consortia: what is proposed, why, and what is never told."""

from dataclasses import replace
from datetime import date
from itertools import permutations
from threading import Event
from types import MappingProxyType
from uuid import UUID

import pytest

from coalitions.matching import match
from coalitions.suggestion import Params, Suggested, pose, suggest
from domain.world import Opening, World
from optimizer import ProblemInvalid
from tests.coalitions.worlds import OWNER, link, offering, opening, package, supplier, world

QUICK = Params(plans=1, seconds=5.0)
CELLS, POWER = package(1, "磷酸铁锂电芯"), package(2, "储能变流器")


def run(city: World, wanted: Opening, **over: int) -> Suggested:
    return suggest(city, wanted, replace(QUICK, **over))


def test_each_package_goes_to_a_firm_that_can_serve_it_and_the_plan_is_proved() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯")), supplier(2, offering(102, "储能变流器")))

    found = run(city, opening(CELLS, POWER))

    (proposal,) = found.proposals
    assert found.status == "optimal"
    assert {seat.supplier_id: seat.parts[0].package_id for seat in proposal.seats} == {
        UUID(int=1): CELLS.id,
        UUID(int=2): POWER.id,
    }
    assert sum(seat.share for seat in proposal.seats) == 10_000
    assert sum(seat.lead for seat in proposal.seats) == 1
    assert proposal.reasons[0].code == "proved-best"


@pytest.mark.parametrize(("one", "other", "flagged"), [("甲", "甲", True), ("甲", "乙", False), (None, None, False)])
def test_members_under_one_control_are_pointed_out_on_the_plan(
    one: str | None, other: str | None, flagged: bool
) -> None:
    city = world(
        replace(supplier(1, offering(101, "磷酸铁锂电芯")), group=one),
        replace(supplier(2, offering(102, "储能变流器")), group=other),
    )

    (proposal,) = run(city, opening(CELLS, POWER)).proposals

    assert ("members-under-one-control" in {reason.code for reason in proposal.reasons}) == flagged


def test_the_same_world_in_any_order_gives_the_same_proposals() -> None:
    firms = [supplier(n, offering(100 + n, "磷酸铁锂电芯", price=50 + n, currency="CNY")) for n in (1, 2, 3)]

    answers = {run(world(*order), opening(CELLS)).digest for order in permutations(firms)}
    chosen = {run(world(*order), opening(CELLS)).proposals[0].seats[0].supplier_id for order in permutations(firms)}

    assert len(answers) == 1
    assert len(chosen) == 1


def test_the_cheaper_of_two_equal_firms_is_chosen_and_no_price_is_told() -> None:
    city = world(
        supplier(1, offering(101, "磷酸铁锂电芯", price=91, currency="CNY")),
        supplier(2, offering(102, "磷酸铁锂电芯", price=57, currency="CNY")),
    )

    found = run(city, opening(CELLS, budget=990))

    assert found.proposals[0].seats[0].supplier_id == UUID(int=2)
    assert found.within_budget is True
    assert "57" not in str(found.proposals) + str(found.missing) + str(found.diagnosis)


def test_a_price_in_another_currency_counts_as_undeclared_and_is_named_missing() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯", price=91, currency="USD")))

    found = run(city, opening(CELLS))

    assert (found.missing[0].supplier_id, found.missing[0].figure) == (UUID(int=1), "price")


def test_firms_that_already_work_together_are_preferred_when_all_else_is_equal() -> None:
    city = world(
        supplier(1, offering(101, "磷酸铁锂电芯")),
        supplier(2, offering(102, "储能变流器")),
        supplier(3, offering(103, "储能变流器")),
        links=(link(1, 3),),
    )
    wanted = opening(CELLS, POWER, goals=MappingProxyType({"cohesion": {"give_up": 200}}))

    (proposal,) = run(city, wanted).proposals

    assert {seat.supplier_id for seat in proposal.seats} == {UUID(int=1), UUID(int=3)}
    assert proposal.ties == 1
    assert any(reason.code == "has-tie" for seat in proposal.seats for reason in seat.reasons)


def test_a_firm_that_alone_can_serve_a_package_is_told_so() -> None:
    (proposal,) = run(world(supplier(1, offering(101, "磷酸铁锂电芯"))), opening(CELLS)).proposals

    assert proposal.seats[0].reasons[0].code == "alone-can"


def test_one_capability_for_two_packages_is_not_promised_twice() -> None:
    both = supplier(1, offering(101, "磷酸铁锂电芯", monthly=15))
    city = world(both, supplier(2, offering(102, "磷酸铁锂电芯", monthly=5)))
    wanted = opening(package(1, "磷酸铁锂电芯", max_suppliers=2), package(3, "磷酸铁锂电芯", max_suppliers=2))

    (proposal,) = run(city, wanted).proposals

    units = {seat.supplier_id: sum(part.units for part in seat.parts) for seat in proposal.seats}
    assert units == {UUID(int=1): 15, UUID(int=2): 5}


def test_capacity_is_what_the_packages_months_have_free() -> None:
    busy = offering(101, "磷酸铁锂电芯", monthly=20, free=MappingProxyType({date(2027, 6, 1): 4}))

    found = run(world(supplier(1, busy)), opening(CELLS))

    assert found.status == "infeasible"
    assert [(message.code, message.params["package"], message.params["units"]) for message in found.diagnosis] == [
        ("package-short", "WP01", 6)
    ]


def test_a_package_nobody_can_serve_is_named_with_what_keeps_the_others_out() -> None:
    late = supplier(1, offering(101, "磷酸铁锂电芯", valid_to=date(2027, 1, 31)))

    found = run(world(late), opening(CELLS))

    (covered,) = found.coverage
    assert (covered.near, covered.eligible, covered.best) == (1, 0, 0)
    assert [code for code, _ in covered.refused] == ["validity"]
    assert found.proposals == ()
    assert found.diagnosis[0].code == "package-short"


def test_rules_of_ones_own_that_leave_no_plan_are_answered_with_the_smallest_easing() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯")), supplier(2, offering(102, "储能变流器")))
    wanted = opening(CELLS, POWER, rules=MappingProxyType({"max_members": 1}))

    found = run(city, wanted)

    assert found.status == "infeasible"
    (easing, *_) = found.diagnosis
    assert (easing.code, easing.params["before"], easing.params["after"]) == ("ease-member-limit", 1, 2)


def test_a_qualification_nobody_reaches_is_said_to_contradict_itself() -> None:
    rules = {"qualification": {"turnover": {"total": 1_000}}}

    found = run(
        world(supplier(1, offering(101, "磷酸铁锂电芯"), turnover=5)), opening(CELLS, rules=MappingProxyType(rules))
    )

    assert found.diagnosis[0].code == "law-contradicts"


def test_two_firms_that_must_not_meet_leave_units_that_nobody_covers() -> None:
    one, two = supplier(1, offering(101, "磷酸铁锂电芯")), supplier(2, offering(102, "储能变流器"))
    clash = {"conflicts": [[str(one.id), str(two.id)]]}

    found = run(world(one, two), opening(CELLS, POWER, rules=MappingProxyType(clash)))

    assert found.status == "infeasible"
    assert found.diagnosis[0].code == "package-short"


def test_an_easing_names_the_firm_it_is_about() -> None:
    one, two = supplier(1, offering(101, "磷酸铁锂电芯")), supplier(2, offering(102, "储能变流器"))
    rules = {"excluded": [str(one.id)], "required": [str(two.id)]}

    found = run(world(one, two), opening(CELLS, POWER, rules=MappingProxyType(rules)))

    assert found.status == "infeasible"
    assert any("企业1" in str(message.params.get("subject")) for message in found.diagnosis)


def test_a_named_firm_is_kept_and_an_excluded_one_left_out() -> None:
    firms = [supplier(n, offering(100 + n, "磷酸铁锂电芯")) for n in (1, 2, 3)]
    locked = {"locked": [{"package": "WP01", "firm": str(UUID(int=3))}]}
    excluded = {"excluded": [str(UUID(int=1)), str(UUID(int=2))]}
    lead = {"lead": {"candidates": [str(UUID(int=2))]}}

    for rules, kept in ((locked, 3), (excluded, 3), (lead, 2)):
        (proposal,) = run(world(*firms), opening(CELLS, rules=MappingProxyType(rules))).proposals
        assert proposal.seats[0].supplier_id == UUID(int=kept)


def test_rules_that_are_no_rules_are_refused_with_their_path() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯")))

    with pytest.raises(ProblemInvalid) as refused:
        run(city, opening(CELLS, rules=MappingProxyType({"max_member": 1})))

    assert refused.value.faults[0].path == "$.rules.max_member"


def test_packages_of_no_value_share_evenly() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯")), supplier(2, offering(102, "储能变流器")))
    wanted = opening(package(1, "磷酸铁锂电芯", value=0), package(2, "储能变流器", value=0))

    (proposal,) = run(city, wanted).proposals

    assert [seat.share for seat in proposal.seats] == [5_000, 5_000]


def test_a_search_that_is_stopped_keeps_its_best_plan_and_says_how_far_it_may_be_from_the_best() -> None:
    """The search is stopped at its first plan; a hundred firms over ten packages are not proved by then."""
    stop = Event()
    firms = [
        supplier(
            n,
            *(
                offering(
                    1_000 * n + p,
                    f"产品{p}",
                    monthly=3 + (7 * n + 3 * p) % 8,
                    price=60 + (13 * n * p) % 41,
                    currency="CNY",
                )
                for p in range(10)
                if (n + p) % 3
            ),
        )
        for n in range(1, 101)
    ]
    packages = [package(p + 1, f"产品{p}", quantity=12, max_suppliers=4) for p in range(10)]
    wanted = opening(*packages, rules=MappingProxyType({"max_members": 7, "firm_share_max": 3_000}))

    found = suggest(
        world(*firms), wanted, QUICK, interrupt=stop, progress=lambda p: stop.set() if p.objective is not None else None
    )

    assert (found.status, found.stopped) == ("feasible", "interrupted")
    assert found.gap is not None
    assert found.gap > 0
    assert found.proposals[0].reasons[0].code == "within-gap"


def test_several_plans_differ_in_members_and_come_best_first() -> None:
    firms = [supplier(n, offering(100 + n, "磷酸铁锂电芯"), offering(200 + n, "储能变流器")) for n in range(1, 7)]

    found = run(world(*firms), opening(CELLS, POWER, rules=MappingProxyType({"min_members": 2})), plans=3)

    sets = [frozenset(seat.supplier_id for seat in proposal.seats) for proposal in found.proposals]
    assert len(sets) == 3
    assert all(len(a ^ b) >= 2 for a in sets for b in sets if a is not b)


def test_the_owner_is_no_candidate_of_its_own_project_unless_named() -> None:
    leader = supplier(1, offering(101, "磷酸铁锂电芯"), id=OWNER)

    assert run(world(leader), opening(CELLS)).proposals == ()
    assert run(world(leader), opening(CELLS, rules=MappingProxyType({"required": [str(OWNER)]}))).proposals


def test_what_is_posed_is_a_problem_file() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯"), sme=True, turnover=5, grades=MappingProxyType({"e": 2})))
    wanted = opening(CELLS, budget=5_000)

    problem = pose(city, wanted, match(city, wanted))

    assert problem.rules.budget == 5_000
    assert problem.firms[0].sme
    assert problem.firms[0].turnover == 5


def test_an_undeclared_capacity_is_no_pool_and_is_asked_for() -> None:
    city = world(supplier(1, offering(101, "磷酸铁锂电芯", monthly=None)))
    wanted = opening(package(1, "磷酸铁锂电芯"), package(3, "磷酸铁锂电芯"))

    found = run(city, wanted)

    assert pose(city, wanted, match(city, wanted)).pools == ()
    assert {figure.figure for figure in found.missing} == {"price", "capacity"}
