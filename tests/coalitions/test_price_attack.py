"""An attack on prices through the optimizer's answers: ten firms, two hundred questions, every number they are told.

The attacker owns ten chain leaders and, in each of their projects, a rival of the firm whose price he wants. He asks in
turn what each kind of question would tell, moves his own rival's price by bisection on whatever the answer says of who
would be chosen, and reads every number as a possible total. What he knows beforehand is the published value and how
prices usually lie below it. The control leaves closed prices in: there he must succeed, or the attack proves nothing.
"""

import random
import re
import statistics
from collections.abc import Callable
from dataclasses import asdict, replace
from uuid import UUID

import pytest

from coalitions import answering
from coalitions.answering import Effort, Matter, matter
from coalitions.basis import Basis, Units
from coalitions.matching import match
from coalitions.suggestion import pose
from domain.world import World
from tests.coalitions.worlds import OWNER, offering, opening, package, supplier, world

PUPPETS, QUESTIONS = 10, 20
REFERENCE = 10_000
"""The published value of a unit, which everybody knows."""
PRIOR = 7_800
"""What the attacker guesses before he asks: the middle of how prices lie."""
QUICK = Effort(seconds=1.0)
TARGET, PUPPET = str(UUID(int=1)), str(UUID(int=2))
POWER = package(1, "储能变流器", value=10 * REFERENCE, max_suppliers=1)
PROJECT = opening(POWER, budget=20 * REFERENCE, goals={"weights": {"price": 100}})
Sees = Callable[[Matter], Matter]


def town(target: int, puppet: int) -> World:
    """The firm whose price is wanted, and the attacker's own."""
    prices = {1: target, 2: puppet}
    return world(*(supplier(n, offering(100 + n, "储能变流器", price=p, currency="CNY")) for n, p in prices.items()))


def guarded(about: Matter) -> Matter:
    """What the product does."""
    return about


def unguarded(about: Matter) -> Matter:
    """What it would do if answers counted with every price."""
    return replace(about, basis=Basis(problem=about.whole, priced=True, closed=0))


def answers(about: Matter, units: Units) -> list[object]:
    """Ask what moves most with prices: who would be chosen and at what loss, and what each rule costs."""
    return [answering.explained(about, units, QUICK), answering.rule_costs(about, QUICK)]


def attacked(target: int, sees: Sees) -> float:
    """Return the attacker's relative error about one price, after his share of the questions."""
    low, high = REFERENCE // 2, REFERENCE
    guess = PRIOR
    for _ in range(QUESTIONS // 2):
        middle = (low + high) // 2
        known = {(PUPPET, "WP01"): middle}
        about = sees(matter(town(target, middle), PROJECT, OWNER, frozenset(), known))
        units = {(PUPPET, "WP01"): 10}
        told = answers(about, units)
        chosen = _loses(told[0])
        if chosen is None:
            break
        low, high = (low, middle) if chosen else (middle, high)
        guess = (low + high) // 2
        totals = {int(each) for each in re.findall(r"\d+", str([asdict(one) for one in told]))}  # type: ignore[call-overload]
        exact = sorted({total // 10 for total in totals if REFERENCE * 5 <= total < REFERENCE * 10} - {middle})
        if len(exact) == 1:
            guess = exact[0]
    return abs(guess - target) / target


def _loses(explained: object) -> bool | None:
    """Tell whether the attacker's rival is beaten by the target; None where the answer does not say."""
    (merit,) = explained.members  # type: ignore[attr-defined]
    return None if merit.loss is None or merit.loss == 0 else merit.loss < 0


def errors(sees: Sees) -> list[float]:
    rng = random.Random(20_270_106)
    return [attacked(rng.randrange(5_600, 9_900), sees) for _ in range(PUPPETS)]


def prior() -> list[float]:
    rng = random.Random(20_270_106)
    return [abs(PRIOR - target) / target for target in (rng.randrange(5_600, 9_900) for _ in range(PUPPETS))]


def test_two_hundred_questions_by_ten_firms_tell_no_price() -> None:
    told, before = errors(guarded), prior()

    assert statistics.median(told) >= statistics.median(before)
    assert sum(error <= 0.05 for error in told) <= sum(error <= 0.05 for error in before)


def test_with_closed_prices_left_in_the_same_questions_find_nearly_every_price() -> None:
    told = errors(unguarded)

    assert statistics.median(told) < 0.01


@pytest.mark.parametrize("target", [5_600, 9_899])
def test_the_problem_that_answers_rest_on_is_the_same_to_the_byte(target: int) -> None:
    """Why no cleverer attack can do better: there is nothing in it to find."""
    known = {(PUPPET, "WP01"): 8_000}

    assert matter(town(target, 8_000), PROJECT, OWNER, frozenset(), known).digest == (
        matter(town(7_000, 8_000), PROJECT, OWNER, frozenset(), known).digest
    )


def test_the_problem_as_the_solver_has_it_does_hold_the_price() -> None:
    whole = pose(town(7_777, 8_000), PROJECT, match(town(7_777, 8_000), PROJECT))

    assert {offer.price for offer in whole.offers} == {7_777, 8_000}
