"""Milestones against a plain model: what is expected, by how much it slips, how it stands."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.milestones import Pace, Progress, usual_plan
from domain.kinds import PackageKind

DAY = date(2027, 3, 1)
days = st.integers(-400, 400).map(lambda number: DAY + timedelta(days=number))


@given(days, st.none() | days, st.none() | days, days)
def test_slippage_is_counted_from_the_plan_and_today_cannot_be_promised_away(
    planned: date, forecast: date | None, actual: date | None, today: date
) -> None:
    progress = Progress(planned=planned, forecast=forecast, actual=actual)

    candidates = [actual] if actual else [today, forecast or planned]
    assert progress.slippage(today) == (max(candidates) - planned).days


@given(days, st.none() | days, st.none() | days, days)
def test_a_milestone_stands_in_exactly_one_way(
    planned: date, forecast: date | None, actual: date | None, today: date
) -> None:
    pace = Progress(planned=planned, forecast=forecast, actual=actual).pace(today)

    model = {
        Pace.REACHED: actual is not None,
        Pace.OVERDUE: actual is None and planned < today,
        Pace.SLIPPING: actual is None and today <= planned < (forecast or planned),
        Pace.ON_TIME: actual is None and today <= planned and (forecast or planned) <= planned,
    }
    assert [each for each, so in model.items() if so] == [pace]


@pytest.mark.parametrize("kind", PackageKind)
@given(st.integers(0, 2_000))
def test_the_usual_plan_fills_the_window_in_order(kind: PackageKind, window: int) -> None:
    plan = usual_plan(kind, DAY, DAY + timedelta(days=window))

    dates = [day for _, day in plan]
    assert dates == sorted(dates)
    assert (dates[0], dates[-1]) == (DAY, DAY + timedelta(days=window))
    assert len({what for what, _ in plan}) == len(plan)
