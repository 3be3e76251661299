"""A plan to be found: the problem, the plans it has to differ from, and how the search is set."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.check import Case, Units
from optimizer.eligibility import Slot
from optimizer.model import build
from optimizer.problem import Mode, Problem
from optimizer.score import base, scores_of
from optimizer.search import Setting, Title
from optimizer.variables import Model

APART = 2
"""In how many members an alternative differs from every plan before it."""

LARGE = 300
"""From how many usable offers a problem is hunted by limit, kernel and proof instead of searched at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quest:
    """A plan to be found: the problem in canonical order, and the plans it has to differ from.

    A strict quest asks that two of an earlier plan's members are missing (one, where it has only one); a lenient one
    counts members that are new as well. `interchangeable` says that no condition beside the rules is asked for, so that
    a firm may stand in for another that it outdoes.
    """

    problem: Problem
    setting: Setting
    before: tuple[frozenset[str], ...] = ()
    strict: bool = True
    large: int = LARGE
    interchangeable: bool = False

    def model(self, slots: Sequence[Slot] | None = None) -> Model:
        """Return a fresh model, over all usable offers or some of them, that keeps apart from the plans before."""
        model = build(self.problem, slots=slots)
        for members in self.before:
            keep_apart(model, members, strict=self.strict)
        return model

    def worth(self, units: Units) -> int:
        """Return what the first level counts for a plan, as the judge sees it; larger is better."""
        return base(self.problem, scores_of(Case(self.problem, units)))[0]

    def title(self, stage: str) -> Title:
        """Return what a run for this quest is called."""
        return Title(stage=stage, plan=len(self.before) + 1, sign=self.sign)

    @property
    def sign(self) -> int:
        """The sign of a base value as it is shown: costs are shown as they are and made small."""
        return -1 if self.problem.goals.mode is Mode.COST else 1


def keep_apart(model: Model, members: frozenset[str], *, strict: bool) -> None:
    """Keep a model away from an earlier plan: two of its members are missing, or missing and new ones together."""
    kept = model.members(sorted(members))
    if strict:
        model.cp.add(kept <= len(members) - min(APART, len(members)))
    else:
        new = model.members(firm for firm in model.member if firm not in members)
        model.cp.add(len(members) - kept + new >= APART)
