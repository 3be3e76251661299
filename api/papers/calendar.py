"""Deadlines as an iCalendar file (RFC 5545), which any calendar program subscribes to."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from api.i18n import Locale, say
from domain.message import Message
from domain.obligation import Obligation

MEDIA_TYPE = "text/calendar"
WARNINGS = (timedelta(days=-1), timedelta(hours=-2))
LASTING = timedelta(minutes=30)
"""How long an entry is drawn: it ends at the deadline."""


def deadlines(open_ones: Iterable[Obligation], now: datetime, locale: Locale, site: str) -> bytes:
    """Return the obligations that have a date, each as an entry that ends when it falls due, with two warnings.

    An entry keeps its UID while it is open, so that a calendar program moves it and does not add another.
    """
    made = Calendar()
    made.add("prodid", "-//LianZhou//deadlines//ZH")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", _said(locale, "calendar"))
    made.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    for each in open_ones:
        if each.due is not None:
            made.add_component(_entry(each, each.due.astimezone(UTC), now.astimezone(UTC), locale, site))
    return bytes(made.to_ical())


def _entry(each: Obligation, due: datetime, now: datetime, locale: Locale, site: str) -> Event:
    title = say(locale, Message(code=each.code, params=each.params), section="obligation")
    entry = Event()
    entry.add("uid", f"{each.code}-{each.subject_id}@lianzhou")
    entry.add("dtstamp", now)
    entry.add("dtstart", due - LASTING)
    entry.add("dtend", due)
    entry.add("summary", title)
    entry.add("url", f"{site}{each.path}")
    entry.add("description", f"{title}\n{site}{each.path}")
    entry.add("transp", "TRANSPARENT")
    for before in WARNINGS:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", before, parameters={"RELATED": "END"})
        entry.add_component(alarm)
    return entry


def _said(locale: Locale, code: str) -> str:
    return say(locale, Message(code=code), section="letter")
