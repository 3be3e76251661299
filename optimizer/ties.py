"""How strong the ties of a plan could be at most, while its base value keeps what may not be given up.

The pairs are columns of the linear program, and so is every rule: *e* ≤ *yₐ*, *e* ≤ *y_b*. That alone pays for
half-members. What tightens it: a member has at most all other members as partners (the reformulation of the member
limit times *yₐ*, Sherali & Adams 1990), and branch and bound over whole members.
"""

from collections.abc import Sequence
from math import floor

import numpy as np

from optimizer.bound import part_of
from optimizer.eligibility import Slot
from optimizer.goals import levels
from optimizer.highs import SOLVER_MARGIN, Watch, within
from optimizer.linear import Linear, Places, Table, keep_apart, lay_out
from optimizer.quest import APART, Quest
from optimizer.search import Purse


def tie_limit(quest: Quest, slots: Sequence[Slot], least: int, purse: Purse) -> int:
    """Return what the ties of no plan exceed whose base value on the first level is at least `least`.

    The limit holds over all usable offers; it is lowered by branch and bound until the purse is empty.

    >>> from optimizer.eligibility import sift
    >>> from optimizer.problem import Firm, Offer, Package, Problem, Tie
    >>> from optimizer.search import Setting, opened
    >>> problem = Problem(
    ...     firms=tuple(Firm(id=f"F{i}") for i in range(3)), packages=(Package(id="P1", quantity=2),),
    ...     offers=tuple(Offer(firm=f"F{i}", package="P1", capacity=1) for i in range(3)),
    ...     ties=(Tie(a="F0", b="F1", strength=50), Tie(a="F1", b="F2", strength=80)))
    >>> tie_limit(Quest(problem=problem, setting=Setting()), sift(problem).slots, 0, opened(5, None))
    80
    """
    linear = tied(quest, slots, least)
    setting = quest.setting
    watch = Watch(lowered=lambda _: None, found=lambda _: None, ended=lambda _: setting.wished, news=lambda: None)
    everything = part_of(linear, np.ones(len(linear.slots), dtype=bool))
    limit = within(linear, everything, None, purse, setting.seed, watch).limit
    most = float(linear.earns @ linear.high)
    reached = min(limit, most) * linear.unit
    return floor(reached + SOLVER_MARGIN * reached + SOLVER_MARGIN)


def tied(quest: Quest, slots: Sequence[Slot], least: int) -> Linear:
    """Return the arrays of a quest in which ties are earned and the base value keeps at least so much."""
    table = Table(quest.problem, slots)
    lay_out(table, levels(quest.problem)[0])
    for members in quest.before:
        keep_apart(table, members, strict=quest.strict, apart=APART)
    table.keep(least)
    known = [tie for tie in quest.problem.ties if tie.strength and tie.a in table.firms and tie.b in table.firms]
    ends = np.array([(table.firms[tie.a], table.firms[tie.b]) for tie in known], dtype=np.int64).reshape(-1, 2)
    pairs, numbers, ones = table.column(len(known)), np.arange(len(known)), np.ones(len(known))
    for side in ends.T:
        table.row(len(known), [(numbers, pairs, ones), (numbers, table.members[side], -ones)], high=0.0)
    partners(table, ends.T.ravel(), np.concatenate([pairs, pairs]))
    table.earn(pairs, np.array([float(tie.strength) for tie in known]))
    return table.finished()


def partners(table: Table, firms: Places, pairs: Places) -> None:
    """A member has at most as many partners as there may be other members, and nobody else has any."""
    most = table.problem.rules.max_members
    if most is not None:
        count = np.arange(len(table.firms))
        others = (count, table.members, np.full(len(count), -float(most - 1)))
        table.row(len(count), [(firms, pairs, np.ones(len(pairs))), others], high=0.0)
