"""What partners say of each other once they have parted: until when, who may read it, and when a figure is a figure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.kinds import EvaluationCriterion

WINDOW = timedelta(days=30)
"""How long after the end of a partnership each side may evaluate the other, and how long it stays between them."""
LEAST = 3
"""Fewer cases than this are told to nobody as a figure: one could reckon who said what."""


def is_open(ended: datetime, now: datetime) -> bool:
    """Tell whether an evaluation may still be given: within thirty days of the end.

    >>> is_open(datetime(2027, 1, 1), datetime(2027, 1, 30)), is_open(datetime(2027, 1, 1), datetime(2027, 1, 31))
    (True, False)
    """
    return ended <= now < ended + WINDOW


def is_public(ended: datetime, now: datetime, *, both: bool) -> bool:
    """Tell whether others than the two may read it: once both have given theirs, or thirty days have passed.

    >>> is_public(datetime(2027, 1, 1), datetime(2027, 1, 2), both=False)
    False
    """
    return both or now >= ended + WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """The mean of one criterion in hundredths of a mark, over `cases` evaluations; None where there are too few."""

    criterion: EvaluationCriterion
    cases: int
    hundredths: int | None


def averages(given: Iterable[Mapping[EvaluationCriterion, int]]) -> tuple[Average, ...]:
    """Return the mean of every criterion, rounded half up; with fewer than three cases no figure at all.

    >>> marks = dict.fromkeys(EvaluationCriterion, 4)
    >>> averages([marks] * 3)[0].hundredths, averages([marks] * 2)[0].hundredths
    (400, None)
    """
    cases = list(given)
    return tuple(
        Average(
            criterion=criterion,
            cases=len(cases),
            hundredths=(
                (200 * sum(marks[criterion] for marks in cases) + len(cases)) // (2 * len(cases))
                if len(cases) >= LEAST
                else None
            ),
        )
        for criterion in EvaluationCriterion
    )
