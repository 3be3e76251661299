"""Months as first days: capacity is declared, held and counted by the month."""

from datetime import date


def months(starts: date, ends: date) -> tuple[date, ...]:
    """Return the first day of every month that the days from `starts` to `ends` touch, in order.

    >>> [str(m) for m in months(date(2027, 11, 20), date(2028, 1, 3))]
    ['2027-11-01', '2027-12-01', '2028-01-01']

    An end before the start touches no month.
    """
    first, last = starts.year * 12 + starts.month - 1, ends.year * 12 + ends.month - 1
    return tuple(date(number // 12, number % 12 + 1, 1) for number in range(first, last + 1)) if ends >= starts else ()


def month_after(day: date, count: int) -> date:
    """Return the first day of the month `count` months after that of `day`.

    >>> month_after(date(2026, 11, 24), 2)
    datetime.date(2027, 1, 1)
    """
    years, month = divmod(day.month - 1 + count, 12)
    return date(day.year + years, month + 1, 1)
