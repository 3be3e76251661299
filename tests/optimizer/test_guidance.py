"""What would bring a firm in: the change does, one step less does not, and nobody else's figure is told."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from optimizer import Axis, Firm, Offer, Opening, Pool, Problem, counterfactual
from optimizer.brute import best
from optimizer.guidance import levers
from optimizer.problem import canonical
from tests.optimizer.cases import PROJECT, offered, packaged, ruled, without_offer
from tests.strategies_problems import problems


def wanted(problem: Problem, firm: str) -> bool:
    """Whether a firm is in one of the best plans, by looking at all plans."""
    inside = best(ruled(problem, required=(*problem.rules.required, firm)))
    outside = best(ruled(problem, excluded=(*problem.rules.excluded, firm)))
    return inside is not None and (outside is None or inside.base >= outside.base)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_each_change_brings_the_firm_in_and_one_step_less_does_not(problem: Problem) -> None:
    problem = canonical(replace(problem, ties=()))
    firm = problem.firms[0].id
    assume(any(offer.firm == firm for offer in problem.offers))

    found = counterfactual(problem, firm)

    assert found.sure
    assert found.wanted == wanted(problem, firm)
    if found.wanted:
        assert (found.changes, found.futile) == ((), ())
        return
    changes = {(change.axis, change.subject): change for change in found.changes}
    for lever in levers(problem, firm):
        change = changes.get((lever.axis, lever.subject))
        if change is None:
            assert (lever.axis, lever.subject) in found.futile
            assert not wanted(lever.moved(lever.most), firm)
        else:
            steps = (change.after - lever.before) * lever.step
            assert change.sure
            assert wanted(lever.moved(steps), firm)
            assert steps == 1 or not wanted(lever.moved(steps - 1), firm)


def test_every_figure_of_a_firm_is_a_lever() -> None:
    problem = offered(
        offered(
            replace(packaged(PROJECT, "WP2", specialty="civil"), pools=(Pool(id="P", capacity=5),)),
            "C", capacity=2, fit=50, lead_days=9, pool="P",
        ), "C", "WP2", pool="P",
    )  # fmt: skip
    opening = Opening(name="ISO 9001", offers=(Offer(firm="C", package="WP1", fit=100),))

    found = [
        (lever.axis, lever.subject) for lever in levers(ruled(problem, min_grade=(("civil", 1),)), "C", (opening,))
    ]

    assert found == [
        (Axis.PRICE, "WP1"), (Axis.PRICE, "WP2"), (Axis.CAPACITY, "WP1"), (Axis.FIT, "WP1"), (Axis.LEAD_TIME, "WP1"),
        (Axis.PRICES, ""), (Axis.POOL, "P"), (Axis.GRADE, "civil"), (Axis.OPENING, "ISO 9001"),
    ]  # fmt: skip


def test_a_certificate_that_opens_a_better_offer_brings_its_holder_in() -> None:
    outsider = replace(PROJECT, firms=(*PROJECT.firms, Firm(id="D")))
    good = Opening(name="ISO 9001", offers=(Offer(firm="D", package="WP1", price=20, fit=90),))
    poor = Opening(name="L2", offers=(Offer(firm="D", package="WP1", price=99, fit=90),))

    found = counterfactual(outsider, "D", openings=(good, poor))

    assert found.helping == ((Axis.OPENING, "ISO 9001"),)
    assert found.futile == ((Axis.OPENING, "L2"),)
    assert (found.changes[0].before, found.changes[0].after) == (0, 1)


def test_a_higher_grade_brings_in_who_was_below_it() -> None:
    strict = ruled(without_offer("A", "WP2"), min_grade=(("power", 2),))

    changes = {change.axis: change for change in counterfactual(strict, "A").changes}

    assert (changes[Axis.GRADE].subject, changes[Axis.GRADE].before, changes[Axis.GRADE].after) == ("power", 1, 2)


def test_no_figure_of_anybody_else_is_in_the_answer() -> None:
    problem = offered(offered(PROJECT, "A", price=61), "B", price=83)

    said = repr(counterfactual(problem, "C"))

    assert "'A'" not in said
    assert "'B'" not in said
    assert "83" not in said


def test_what_may_be_told_to_the_firm_has_no_amounts() -> None:
    found = counterfactual(PROJECT, "B")

    assert found.helping == tuple((change.axis, change.subject) for change in found.changes)
    assert found.changes


def test_without_time_nothing_is_proved() -> None:
    found = counterfactual(PROJECT, "B", seconds=0)

    assert not found.sure
    assert found.unsettled
    assert not found.futile


def test_a_firm_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no firm X"):
        counterfactual(PROJECT, "X")
