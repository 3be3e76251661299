"""Evaluations against a plain model: who may give and read when, and that few cases are no figure."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from coalitions.evaluations import averages, is_open, is_public
from domain.kinds import EvaluationCriterion

ENDED = datetime(2027, 1, 1, tzinfo=UTC)
MARKS = st.fixed_dictionaries({criterion: st.integers(1, 5) for criterion in EvaluationCriterion})


@given(st.integers(-1, 60 * 24 * 60), st.booleans())
def test_for_thirty_days_each_may_give_its_own_and_until_both_have_it_stays_between_them(
    minutes: int, both: bool
) -> None:
    now = ENDED + timedelta(minutes=minutes)

    assert is_open(ENDED, now) is (0 <= minutes < 30 * 24 * 60)
    assert is_public(ENDED, now, both=both) is (both or minutes >= 30 * 24 * 60)


@given(st.lists(MARKS, max_size=9))
def test_a_mean_is_told_from_three_cases_on_and_rounded_half_up(
    given_marks: list[dict[EvaluationCriterion, int]],
) -> None:
    for average in averages(given_marks):
        marks = [each[average.criterion] for each in given_marks]
        assert average.cases == len(marks)
        if len(marks) < 3:
            assert average.hundredths is None
        else:
            assert average.hundredths == floor(Fraction(100 * sum(marks), len(marks)) + Fraction(1, 2))


def test_every_criterion_has_its_line_also_where_nobody_has_said_anything() -> None:
    assert [each.criterion for each in averages([])] == list(EvaluationCriterion)
