"""What people write in a cell is understood exactly, or not at all."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.intake import values
from api.intake.tables import READERS
from api.intake.values import MINOR_DIGITS, NotUnderstood


@pytest.mark.parametrize(
    ("reader", "cell", "code"),
    [
        ("number", float("nan"), "number"),
        ("number", float("inf"), "number"),
        ("number", True, "number"),
        ("number", "一百", "number"),
        ("whole", 1.5, "whole-number"),
        ("percent", "100.01", "share-range"),
        ("day", 19_999_999, "date"),
        ("day", "2026-02-29", "date"),
        ("day", "", "date"),
        ("moment", "2026-01-01 25:00", "moment"),
        ("moment", "soon 10:00", "date"),
        ("boolean", 2, "yes-or-no"),
        ("country", "XX", "country"),
        ("unit", "一大车", "unit"),
        ("grades", "power", "number"),
        ("mandatory", "随便", "yes-or-no"),
    ],
)
def test_what_cannot_be_read_is_refused_by_code(reader: str, cell: Any, code: str) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        READERS[reader](cell)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("reader", "cell", "value"),
    [
        ("text", True, "是"),
        ("text", datetime(2026, 3, 1), "2026-03-01"),
        ("number", "￥1，650万元", Decimal(16_500_000)),
        ("number", "1.5e3", Decimal(1500)),
        ("percent", "5 %", 500),
        ("day", datetime(2026, 3, 1, 9), date(2026, 3, 1)),
        ("day", date(2026, 3, 1), date(2026, 3, 1)),
        ("day", "2026", date(2026, 1, 1)),
        ("moment", datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("moment", datetime(2026, 3, 1, 9), datetime(2026, 3, 1, 9, tzinfo=values.BEIJING)),
        ("moment", "2026-03-01 9:30 +0700", datetime(2026, 3, 1, 2, 30, tzinfo=UTC)),
        ("country", "Côte d'Ivoire", "CI"),
        ("country", "中国台湾", "TW"),
        ("country", "IDN", "ID"),
        ("mandatory", "加分", False),
    ],
)
def test_what_can_be_read_means_this(reader: str, cell: Any, value: Any) -> None:
    assert READERS[reader](cell) == value


@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_money_loses_nothing(amount: Decimal) -> None:
    assert Decimal(values.minor_units(amount, "CNY")) / 100 == amount


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_a_currency_has_its_own_smallest_unit(currency: str) -> None:
    digits = MINOR_DIGITS[currency]

    assert values.minor_units(Decimal(1), currency) == 10**digits
    with pytest.raises(NotUnderstood):
        values.minor_units(Decimal(1).scaleb(-digits - 1), currency)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_every_way_to_write_a_day_is_the_same_day(day: date) -> None:
    ways = (
        day,
        day.isoformat(),
        f"{day:%Y/%m/%d}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
        (day - values.EXCEL_DAY_ZERO).days,
    )

    assert {values.day(way) for way in ways} == {day}
