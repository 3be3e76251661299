"""The rules a consortium keeps: one function for each, under the name a user reads when it bites.

Rules about a single offer (`lot`, `grade`, `share`, `excluded` and the parts of others that one offer decides) take the
offer away before the model is built, in `optimizer.eligibility`; the functions here see what is left.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from optimizer.eligibility import Slot, sift
from optimizer.faults import MONEY_LIMIT
from optimizer.problem import WHOLE, Package, Problem
from optimizer.variables import Model, weighed

PENALTY_LIMIT = 10**17
"""The most that easing one rule as far as possible may cost; sums of it stay inside 64 bits."""


def build(
    problem: Problem,
    *,
    elastic: bool = False,
    hollow: bool = False,
    prices: Mapping[str, int] | None = None,
    slots: Sequence[Slot] | None = None,
) -> Model:
    """Return the model of a problem with every rule added, over all usable offers or over some of them.

    An elastic model lets the rules give way that a user may ease; a hollow one also leaves work undone, to find out
    what nobody can deliver. Goals are counted the same whichever offers the model has.

    >>> from optimizer.problem import Firm, Offer
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4, min_suppliers=2),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> build(problem).slacks, [slack.rule for slack in build(problem, elastic=True).slacks]
    ([], ['min-suppliers'])
    """
    model = Model(problem, elastic=elastic, hollow=hollow, prices=prices, slots=slots)
    for rule in RULES.values():
        rule(model)
    return model


def coverage(model: Model) -> None:
    """Every package p: the units of its offers sum to its quantity."""
    for package in model.problem.packages:
        quantity = package.quantity
        done = model.units(model.of_package[package.id])
        if model.hollow:
            model.undone[package.id] = model.cp.new_int_var(0, quantity, "")
            done = done + model.undone[package.id]
        model.cp.add(done == quantity)


def capacity(model: Model) -> None:
    """Every pool: the load of its offers stays within its capacity. (An offer's own capacity bounds its units.)"""
    of_pool: dict[str, list[int]] = {pool.id: [] for pool in model.problem.pools}
    for i, slot in enumerate(model.slots):
        if slot.offer.pool is not None and slot.offer.load:
            of_pool[slot.offer.pool].append(i)
    for pool in model.problem.pools:
        slots = of_pool[pool.id]
        load = weighed(model.term(i, model.slots[i].offer.load) for i in slots)
        firms = {model.slots[i].firm.id for i in slots}
        if len(firms) == 1:
            model.cp.add(load <= pool.capacity * model.member[firms.pop()])
        else:
            model.cp.add(load <= pool.capacity)


def min_share(model: Model) -> None:
    """Every used offer carries at least the package's least share. (A strict model bounds the units.)"""
    for package in model.problem.packages if model.elastic else ():
        needed = package.units(package.min_share)
        slack = model.give(
            "min-share",
            (package.id,),
            package.min_share,
            partial(_share_down, package, needed),
            most=needed - 1,
            price=_of_quantity(model, package),
        )
        for i in model.of_package[package.id]:
            model.cp.add(model.units([i]) >= needed * model.uses[i] - slack)


def max_share(model: Model) -> None:
    """Every used offer carries at most the package's greatest share. (A strict model bounds the units.)"""
    for package in model.problem.packages if model.elastic else ():
        allowed = package.units_within(package.max_share)
        slack = model.give(
            "max-share",
            (package.id,),
            package.max_share,
            partial(_share_up, package, allowed),
            most=package.quantity - allowed,
            price=_of_quantity(model, package),
        )
        for i in model.of_package[package.id]:
            model.cp.add(model.units([i]) <= allowed + slack)


def min_suppliers(model: Model) -> None:
    """Every package p: at least its fewest suppliers, two where it is critical."""
    for package in model.problem.packages:
        fewest = package.fewest
        slack = model.give("min-suppliers", (package.id,), fewest, _down(fewest), most=fewest - 1, price=model.step)
        model.cp.add(model.used(model.of_package[package.id]) + slack >= fewest - _hollow(model, fewest))


def max_suppliers(model: Model) -> None:
    """Every package p: at most its greatest number of suppliers."""
    for package in model.problem.packages:
        most, slots = package.max_suppliers, model.of_package[package.id]
        if most is not None and len(slots) > most:
            room = len(slots) - most
            slack = model.give("max-suppliers", (package.id,), most, _up(most), most=room, price=model.step)
            model.cp.add(model.used(slots) <= most + slack)


def member_limit(model: Model) -> None:
    """At most so many members."""
    most = model.problem.rules.max_members
    if most is not None and len(model.member) > most:
        slack = model.give("member-limit", None, most, _up(most), most=len(model.member) - most, price=model.step)
        model.cp.add(model.members(model.member) <= most + slack)


def member_minimum(model: Model) -> None:
    """At least so many members."""
    fewest = model.problem.rules.min_members or 0
    slack = model.give("member-minimum", None, fewest, _down(fewest), most=fewest, price=model.step)
    model.cp.add(model.members(model.member) + slack >= fewest)


def lead(model: Model) -> None:
    """Exactly one lead: a member among the candidates that holds at least the lead's share of the value."""
    rule = model.problem.rules.lead
    if rule is None:
        return
    candidates = model.member if rule.candidates is None else [f for f in rule.candidates if f in model.member]
    share = rule.min_share
    slack = model.give("lead-share", None, share, _down(share), most=share, price=model.step // 100)
    waived = model.give("lead", None, 1, _down(1), most=1, price=4 * model.step)
    leads = {firm: model.cp.new_bool_var("") for firm in candidates}
    model.cp.add(sum(leads.values()) + waived == 1)
    for firm, leading in leads.items():
        model.cp.add_implication(leading, model.member[firm])
        held = weighed(model.value(model.of_firm[firm]))
        model.cp.add(held + slack * model.worth.step >= model.worth.at_least(share) * leading)


def sme_share(model: Model) -> None:
    """Small and medium-sized firms hold at least so much of the value."""
    share = model.problem.rules.sme_share_min
    if share is not None:
        slack = model.give("sme-share", None, share, _down(share), most=share, price=model.step // 100)
        others = (i for i, slot in enumerate(model.slots) if not slot.firm.sme)
        room = model.worth.at_most(WHOLE - share)
        model.cp.add(weighed(model.value(others, high=True)) <= room + slack * model.worth.step)


def firm_share(model: Model) -> None:
    """No firm holds more than so much of the value."""
    share = model.problem.rules.firm_share_max
    if share is None or share == WHOLE:
        return
    ceiling = model.worth.at_most(share)
    slack = model.give("firm-share", None, share, _up(share), most=WHOLE - share, price=model.step // 100)
    for firm, slots in model.of_firm.items():
        held = weighed(model.value(slots, high=True))
        model.cp.add(held <= ceiling * model.member[firm] + slack * model.worth.step)


def budget(model: Model) -> None:
    """The whole cost stays within the budget; an undeclared price counts as the reference price of the package."""
    money = model.problem.rules.budget
    if money is not None:
        most = min(MONEY_LIMIT, model.dearest())
        price = min(100 * model.step // max(1, money), PENALTY_LIMIT // max(1, most))
        slack = model.give("budget", None, money, _up(money), most=most, price=price)
        model.cp.add(weighed(model.cost_terms()) <= money + slack)


def qualification(model: Model) -> None:
    """The qualification table: all members together reach the total, one reaches its part. (Each: by eligibility.)"""
    figures = {firm.id: firm for firm in model.problem.firms}
    for row in model.problem.rules.qualification:
        shown = {firm: figures[firm].figure(row.values) or 0 for firm in model.member}
        together = weighed((model.member[firm], amount) for firm, amount in shown.items() if amount)
        model.cp.add(together >= row.total)
        model.cp.add(model.members(firm for firm, amount in shown.items() if amount >= row.one_amount) >= 1)


def conflict(model: Model) -> None:
    """Two firms in conflict are never members together."""
    for a, b in model.problem.rules.conflicts:
        model.cp.add(model.members((a, b)) <= 1)


def related(model: Model) -> None:
    """Of firms under common control at most one is a member."""
    for group in model.problem.rules.related:
        model.cp.add(model.members(dict.fromkeys(group)) <= 1)


def locked(model: Model) -> None:
    """A locked firm serves its package, with the pinned share where one is given."""
    places = {(slot.package.id, slot.firm.id): i for i, slot in enumerate(model.slots)}
    packages = {package.id: package for package in model.problem.packages}
    for lock in model.problem.rules.locked:
        subject, place = (lock.package, lock.firm), places.get((lock.package, lock.firm))
        waived = model.give("locked", subject, 1, _down(1), most=1, price=2 * model.step)
        slots = [] if place is None else [place]
        model.cp.add(model.used(slots) + waived >= 1)
        if lock.share is not None and model.elastic:
            package = packages[lock.package]
            pinned = package.units_nearest(lock.share)
            model.cp.add(model.units(slots) >= pinned - package.quantity * waived)
            model.cp.add(model.units(slots) <= pinned + package.quantity * waived)


def required(model: Model) -> None:
    """A required firm is a member."""
    for firm in model.problem.rules.required:
        waived = model.give("required", (firm,), 1, _down(1), most=1, price=2 * model.step)
        model.cp.add(model.members([firm]) + waived >= 1)


def excluded(model: Model) -> None:
    """An excluded firm is no member. (A strict model has no offer of it.)"""
    for firm in model.problem.rules.excluded:
        readmitted = model.give("excluded", (firm,), 1, _down(1), most=1, price=2 * model.step)
        model.cp.add(model.members([firm]) <= readmitted)


def backup(model: Model) -> None:
    """Every package to be backed up: without any one member, the offers of the others could still carry it all.

    Counted is what law and physics let each member's offer carry, whether or not the plan uses the offer; load that a
    shared pool already bears elsewhere is not counted against it.
    """
    standing = sift(model.problem, legal_only=True).slots if model.problem.rules.backup else ()
    for package in (p for p in model.problem.packages if p.id in model.problem.rules.backup):
        carried = {s.firm.id: s.most for s in standing if s.package.id == package.id and s.firm.id in model.member}
        waived = model.give("backup", (package.id,), 1, _down(1), most=1, price=2 * model.step)
        for lost in carried:
            others = weighed((model.member[firm], units) for firm, units in carried.items() if firm != lost)
            model.cp.add(others + package.quantity * waived >= package.quantity * model.member[lost])


def newcomers(model: Model) -> None:
    """At least so many newcomers among the members."""
    _mixed(model, "newcomers", model.problem.rules.min_newcomers, newcomer=True)


def veterans(model: Model) -> None:
    """At least so many veterans among the members."""
    _mixed(model, "veterans", model.problem.rules.min_veterans, newcomer=False)


RULES: dict[str, Callable[[Model], None]] = {
    "coverage": coverage,
    "capacity": capacity,
    "min-share": min_share,
    "max-share": max_share,
    "min-suppliers": min_suppliers,
    "max-suppliers": max_suppliers,
    "member-limit": member_limit,
    "member-minimum": member_minimum,
    "lead": lead,
    "sme-share": sme_share,
    "firm-share": firm_share,
    "budget": budget,
    "qualification": qualification,
    "conflict": conflict,
    "related": related,
    "locked": locked,
    "required": required,
    "excluded": excluded,
    "backup": backup,
    "newcomers": newcomers,
    "veterans": veterans,
}
"""The table of contents: every rule of a team by its name, in the order they are added."""


def _mixed(model: Model, rule: str, fewest: int, *, newcomer: bool) -> None:
    slack = model.give(rule, None, fewest, _down(fewest), most=fewest, price=model.step)
    kind = [firm.id for firm in model.problem.firms if firm.newcomer is newcomer]
    model.cp.add(model.members(kind) + slack >= fewest)


def _down(before: int) -> Callable[[int], int]:
    return lambda steps: before - steps


def _up(before: int) -> Callable[[int], int]:
    return lambda steps: before + steps


def _share_down(package: Package, units: int, steps: int) -> int:
    return (units - steps) * WHOLE // package.quantity


def _share_up(package: Package, units: int, steps: int) -> int:
    return -(-(units + steps) * WHOLE // package.quantity)


def _of_quantity(model: Model, package: Package) -> int:
    return 100 * model.step // package.quantity


def _hollow(model: Model, fewest: int) -> int:
    return fewest if model.hollow else 0
