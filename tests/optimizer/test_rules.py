"""Each rule bites: a plan that ignores it is refused by the judge, and the model finds one that keeps it."""

from dataclasses import replace

import pytest

from optimizer import Criterion, Goals, Lead, Lock, Pool, Problem, Status, solve, violations
from optimizer.brute import best
from optimizer.check import JUDGES, Case, limits
from optimizer.diagnosis import EASED
from optimizer.eligibility import LEGAL_FILTERS, SOFT_FILTERS
from optimizer.model import RULES
from tests.optimizer.cases import PROJECT, offered, packaged, present, ruled, without_offer

SPLIT = offered(capacity=3)
"""A carries three of four units, so B has to carry the fourth."""

TWO = without_offer("A", "WP2")
"""A serves the first package, B the second."""

FITTEST = replace(PROJECT, goals=Goals(weights=(("fit", 1),)))
"""Only fit counts, so the dear firm C does everything."""

POOLED = replace(
    PROJECT,
    pools=(Pool(id="P", capacity=10),),
    offers=tuple(replace(o, pool="P", load=2) if o.firm == "A" else o for o in PROJECT.offers),
)

BITES: list[tuple[str, Problem, Problem]] = [
    ("coverage[WP1]", PROJECT, packaged(quantity=5)),
    ("capacity[A/WP1]", PROJECT, offered(capacity=2)),
    ("capacity[P]", replace(POOLED, pools=(Pool(id="P", capacity=16),)), POOLED),
    ("min-share[B/WP1]", SPLIT, packaged(SPLIT, min_share=5000)),
    ("max-share[A/WP1]", PROJECT, packaged(max_share=5000)),
    ("min-suppliers[WP1]", PROJECT, packaged(critical=True)),
    ("min-suppliers[WP1]", PROJECT, packaged(min_suppliers=3)),
    ("max-suppliers[WP1]", SPLIT, packaged(SPLIT, max_suppliers=1)),
    ("member-limit", TWO, ruled(TWO, max_members=1)),
    ("member-minimum", PROJECT, ruled(min_members=2)),
    ("lead", PROJECT, ruled(lead=Lead(candidates=("B",), min_share=2500))),
    ("lead", ruled(TWO), ruled(TWO, lead=Lead(min_share=6000))),
    ("sme-share", PROJECT, ruled(sme_share_min=5000)),
    ("firm-share[A]", PROJECT, ruled(firm_share_max=6000)),
    ("budget", FITTEST, ruled(FITTEST, budget=500)),
    ("qualification[turnover/total]", PROJECT, ruled(qualification=(Criterion(name="turnover", total=120),))),
    ("qualification[turnover/each]", PROJECT, ruled(qualification=(Criterion(name="turnover", total=90, each=6000),))),
    ("qualification[turnover/one]", PROJECT, ruled(qualification=(Criterion(name="turnover", total=50, one=15000),))),
    ("conflict[A/B]", TWO, ruled(TWO, conflicts=(("A", "B"),))),
    ("related[A/B/C]", TWO, ruled(TWO, related=(("A", "B", "C"),))),
    ("locked[WP2/C]", PROJECT, ruled(locked=(Lock(package="WP2", firm="C", share=5000),))),
    ("locked[WP2/C]", PROJECT, ruled(locked=(Lock(package="WP2", firm="C"),))),
    ("required[C]", PROJECT, ruled(required=("C",))),
    ("excluded[A]", PROJECT, ruled(excluded=("A",))),
    ("grade[A/WP1]", PROJECT, ruled(min_grade=(("civil", 3), ("power", 2)))),
    ("lot[A/WP1]", PROJECT, ruled(taken=(("L1", "A"),))),
    ("backup[WP1/A]", PROJECT, ruled(backup=("WP1",))),
    ("newcomers", PROJECT, ruled(min_newcomers=1)),
    ("veterans", ruled(excluded=("A",)), ruled(min_veterans=1)),
]


@pytest.mark.parametrize(("label", "free", "bound"), BITES, ids=[label for label, _, _ in BITES])
def test_a_rule_refuses_the_plan_that_ignores_it_and_the_model_keeps_it(
    label: str, free: Problem, bound: Problem
) -> None:
    (ignoring,) = solve(free).plans

    (keeping,) = solve(bound).plans

    assert label in violations(bound, ignoring)
    assert violations(bound, keeping) == ()
    assert keeping.objective == present(best(bound)).base[0]


def test_every_rule_of_the_model_and_the_filters_has_a_case_that_bites() -> None:
    bitten = {label.split("[")[0] for label, _, _ in BITES}

    assert set(RULES) <= bitten
    assert {*LEGAL_FILTERS, *SOFT_FILTERS} - {"share"} <= bitten


def test_every_rule_of_the_model_is_judged_and_eased_or_law() -> None:
    asked = ruled(
        POOLED, max_members=9, min_members=1, sme_share_min=0, firm_share_max=10_000, budget=9999, lead=Lead(),
        locked=(Lock(package="WP1", firm="A"),), required=("A",), excluded=("C",), conflicts=(("A", "B"),),
        related=(("A", "B"),), backup=("WP1",), min_newcomers=1, min_veterans=1, taken=(("L1", "C"),),
        min_grade=(("power", 1),), qualification=(Criterion(name="turnover", total=1),),
    )  # fmt: skip
    case = Case(packaged(asked, max_suppliers=3), {("A", "WP1"): 4, ("A", "WP2"): 4})
    judged = {limit.rule for limit in limits(case)}

    assert {*RULES, *LEGAL_FILTERS} == judged
    assert set(EASED) | {"coverage", "capacity", "qualification", "conflict", "related"} == {*RULES, "lead-share"}
    assert len(JUDGES) == len(set(JUDGES))


def test_two_suppliers_of_a_critical_package_cannot_share_one_unit() -> None:
    result = solve(packaged(quantity=1, critical=True))

    assert result.status is Status.INFEASIBLE
    assert [fix.relaxations[0].rule for fix in present(result.diagnosis).fixes] == ["min-suppliers"]


def test_a_pinned_share_that_is_no_whole_unit_pins_the_nearest() -> None:
    (plan,) = solve(ruled(locked=(Lock(package="WP2", firm="C", share=3334),))).plans

    assert [(part.firm, part.units) for part in plan.assignments if part.package == "WP2"] == [("A", 3), ("C", 1)]


def test_an_offer_below_the_least_share_still_counts_as_a_backup_of_a_member() -> None:
    small = packaged(offered(offered(firm="B", capacity=3), firm="C", capacity=1), min_share=5000)
    asked = ruled(small, backup=("WP1",), locked=(Lock(package="WP2", firm="C"),))

    (plan,) = solve(asked).plans

    assert plan.members == ("A", "B", "C")
    assert [part.firm for part in plan.assignments if part.package == "WP1"] == ["A"]


def test_an_offer_that_law_bars_is_no_backup() -> None:
    barred = ruled(backup=("WP1",), taken=(("L1", "A"),), min_grade=(("civil", 1), ("power", 2)), required=("A",))

    (plan,) = solve(barred).plans

    assert plan.members == ("A", "B", "C")
    assert present(best(barred)).base[0] == plan.objective


def test_a_firm_whose_share_of_the_value_is_not_a_whole_number_may_stand_exactly_at_the_ceiling() -> None:
    thirds = packaged(packaged(quantity=3, value=100), "WP2", quantity=1, value=100)

    (plan,) = solve(ruled(thirds, firm_share_max=5000)).plans

    assert plan.members == ("A", "B")
    assert violations(ruled(thirds, firm_share_max=5000), plan) == ()


def test_a_rule_about_value_does_not_bind_where_packages_have_no_value() -> None:
    worthless = packaged(packaged(value=0), "WP2", value=0)

    (plan,) = solve(ruled(worthless, sme_share_min=9000, firm_share_max=100, lead=Lead(min_share=9000))).plans

    assert plan.lead == "A"


def test_the_lead_is_the_able_candidate_that_holds_most_of_the_value() -> None:
    (plan,) = solve(ruled(SPLIT, lead=Lead())).plans

    assert plan.lead == "A"
