"""Working days (工作日) by the Chinese calendar: weekends, statutory holidays, and the weekends worked in exchange.

The State Council announces each year's holidays and exchanged days in the autumn before. A year that is not announced
yet, or not yet in the calendar we use, counts Monday to Friday.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

BEIJING = ZoneInfo("Asia/Shanghai")


def working(day: date) -> bool:
    """Tell whether a day is worked in China.

    >>> working(date(2026, 10, 1)), working(date(2026, 10, 10)), working(date(2026, 10, 11))
    (False, True, False)
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def announced(day: date) -> bool:
    """Tell whether the holidays of a day's year are known, so that `working` is certain.

    >>> announced(date(2026, 5, 1)), announced(date(2999, 5, 1))
    (True, False)
    """
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def after(start: datetime, days: int) -> datetime:
    """Return the end of the last of `days` working days, Beijing time.

    The day it begins on is not counted (民法典 art. 201), and the last day ends at midnight (art. 203). A period asked
    on the eve of the National Day holiday of 2026, in which Saturday the 10th is worked:

    >>> after(datetime(2026, 9, 30, 15, 0, tzinfo=BEIJING), 3).isoformat()
    '2026-10-11T00:00:00+08:00'

    Raises ValueError for less than one day.
    """
    if days < 1:
        raise ValueError("a period has at least one working day")
    day, counted = start.astimezone(BEIJING).date(), 0
    while counted < days:
        day += timedelta(days=1)
        counted += working(day)
    return datetime.combine(day + timedelta(days=1), time(), BEIJING)
