"""The variables of the constraint model: a member per firm, a use and whole units per offer.

The same rules serve two purposes. In a strict model every rule holds. In an elastic model the rules that a user may
ease ask for a slack by `give`, at a price, and the cheapest slacks are the smallest fixes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from optimizer.eligibility import Slot, sift
from optimizer.problem import WHOLE, Problem
from optimizer.worth import Worth, measure

Expression = cp_model.LinearExpr
Term = tuple[cp_model.IntVar, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """A rule that gave way: what one step of the variable means, and what a step costs."""

    rule: str
    subject: tuple[str, ...] | None
    before: int
    after: Callable[[int], int]
    variable: cp_model.IntVar
    price: int


class Model:
    """The variables of one problem and what ties them together; `optimizer.model` adds the rules.

    >>> from optimizer.problem import Firm, Offer, Package
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> model = Model(problem)
    >>> cp_model.CpSolver().solve(model.cp) == cp_model.OPTIMAL
    True
    """

    def __init__(
        self,
        problem: Problem,
        *,
        elastic: bool = False,
        hollow: bool = False,
        prices: Mapping[str, int] | None = None,
        slots: Sequence[Slot] | None = None,
    ) -> None:
        self.problem = problem
        self.elastic = elastic
        self.hollow = hollow
        self.prices = prices or {}
        self.cp = cp_model.CpModel()
        self.slacks: list[Slack] = []
        self.undone: dict[str, cp_model.IntVar] = {}
        self.slots: tuple[Slot, ...] = sift(problem, legal_only=elastic).slots if slots is None else tuple(slots)
        self.worth: Worth = measure(problem)
        self.step = max(WHOLE, (problem.rules.budget or 0) // 100)
        self.member = {firm: self.cp.new_bool_var("") for firm in dict.fromkeys(s.firm.id for s in self.slots)}
        self.uses = [self.cp.new_bool_var("") for _ in self.slots]
        self.amounts = [None if s.fixed else self.cp.new_int_var(0, s.most, "") for s in self.slots]
        self.of_package: dict[str, list[int]] = defaultdict(list)
        self.of_firm: dict[str, list[int]] = defaultdict(list)
        for i, slot in enumerate(self.slots):
            self.of_package[slot.package.id].append(i)
            self.of_firm[slot.firm.id].append(i)
        self._join()

    def term(self, slot: int, factor: int) -> Term:
        """Return `factor` times the units of a slot as a variable and a coefficient."""
        amount = self.amounts[slot]
        return (self.uses[slot], factor * self.slots[slot].most) if amount is None else (amount, factor)

    def units(self, slots: Iterable[int]) -> Expression:
        """Return the sum of the units of slots."""
        return weighed(self.term(i, 1) for i in slots)

    def value(self, slots: Iterable[int], *, high: bool = False) -> list[Term]:
        """Return the terms of the scaled value of slots."""
        unit = self.worth.high if high else self.worth.low
        return [self.term(i, unit[self.slots[i].package.id]) for i in slots]

    def members(self, firms: Iterable[str]) -> Expression:
        """Return how many of the firms are members."""
        return cp_model.LinearExpr.sum([self.member[firm] for firm in firms if firm in self.member])

    def used(self, slots: Iterable[int]) -> Expression:
        """Return how many of the slots are used."""
        return cp_model.LinearExpr.sum([self.uses[i] for i in slots])

    def cost_terms(self) -> list[Term]:
        """Return the terms of the total cost: units at their price, or the reference price, and member costs."""
        prices = [s.package.unit_price if s.offer.price is None else s.offer.price for s in self.slots]
        costs = {firm.id: firm.member_cost for firm in self.problem.firms}
        units = [self.term(i, price) for i, price in enumerate(prices) if price]
        return units + [(member, costs[firm]) for firm, member in self.member.items() if costs[firm]]

    def dearest(self) -> int:
        """Return more than any plan can cost: every usable offer taken whole, every firm a member."""
        prices = (s.package.unit_price if s.offer.price is None else s.offer.price for s in self.slots)
        units = sum(price * slot.most for price, slot in zip(prices, self.slots, strict=True))
        return units + sum(firm.member_cost for firm in self.problem.firms)

    def hint(self, units: Sequence[int]) -> None:
        """Let the next search start from the units of a known plan."""
        self.cp.clear_hints()  # type: ignore[no-untyped-call]
        joined = {self.slots[i].firm.id for i, amount in enumerate(units) if amount}
        for firm, member in self.member.items():
            self.cp.add_hint(member, firm in joined)
        for i, amount in enumerate(units):
            self.cp.add_hint(self.uses[i], amount > 0)
            variable = self.amounts[i]
            if variable is not None:
                self.cp.add_hint(variable, amount)

    def give(
        self,
        rule: str,
        subject: tuple[str, ...] | None,
        before: int,
        after: Callable[[int], int],
        *,
        most: int,
        price: int,
    ) -> Expression:
        """Return how much a rule gives way: nothing in a strict model, a priced variable in an elastic one.

        `after` tells what the rule says once it has given way by so many steps; `price` is what one step costs, where
        `self.step` is worth a member, a percent of the budget or a point of share.
        """
        if not self.elastic or most <= 0:
            return cp_model.LinearExpr.sum([])
        variable = self.cp.new_int_var(0, most, "")
        weighted = self.prices.get(rule, 1) * max(1, price)
        self.slacks.append(
            Slack(rule=rule, subject=subject, before=before, after=after, variable=variable, price=weighted)
        )
        return variable

    def _join(self) -> None:
        for i, slot in enumerate(self.slots):
            amount, use = self.amounts[i], self.uses[i]
            self.cp.add_implication(use, self.member[slot.firm.id])
            if amount is not None:
                self.cp.add(amount <= slot.most * use)
                self.cp.add(amount >= slot.least * use)
        for firm, slots in self.of_firm.items():
            self.cp.add_bool_or([self.uses[i] for i in slots] + [self.member[firm].negated()])


def weighed(terms: Iterable[Term], constant: int = 0) -> Expression:
    """Return a sum of variables times coefficients."""
    pairs = list(terms)
    variables, factors = [variable for variable, _ in pairs], [factor for _, factor in pairs]
    return cp_model.LinearExpr.weighted_sum(variables, factors) + constant
