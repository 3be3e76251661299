"""Working days: the State Council's calendar where it is known, weekdays where it is not."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workdays import BEIJING, after, announced, working

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 12, 31)).map(lambda each: each.replace(tzinfo=BEIJING))


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 1, 1), False),  # New Year's Day
        (date(2026, 2, 16), False),  # the eve of the Spring Festival
        (date(2026, 2, 28), True),  # a Saturday worked in exchange
        (date(2026, 10, 1), False),  # National Day
        (date(2026, 10, 9), True),
    ],
)
def test_holidays_and_exchanged_days_are_those_announced(day: date, worked: bool) -> None:
    assert (working(day), announced(day)) == (worked, True)


def test_a_year_that_is_not_announced_counts_monday_to_friday() -> None:
    week = [date(2999, 1, 7) + timedelta(days=number) for number in range(7)]

    assert [working(day) for day in week] == [day.weekday() < 5 for day in week]
    assert not any(map(announced, week))


@given(MOMENTS, st.integers(1, 30))
def test_a_period_ends_at_midnight_after_exactly_so_many_working_days(start: datetime, days: int) -> None:
    ends = after(start, days)

    between = [start.date() + timedelta(days=n) for n in range(1, (ends.date() - start.date()).days)]
    assert (ends.hour, ends.minute, ends.tzinfo) == (0, 0, BEIJING)
    assert sum(map(working, between)) == days
    assert working(between[-1])


def test_a_period_has_at_least_one_day() -> None:
    with pytest.raises(ValueError, match="at least one"):
        after(datetime(2026, 5, 1, tzinfo=BEIJING), 0)
