"""When a message leaves: at once or as a digest, never in quiet hours, and again after how long where it failed.

All clocks are the caller's; a local hour is an hour of the reader's own time zone, in summer and in winter.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.kinds import Rhythm

LETTER_AGAIN = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""How long to wait after the first, second … failed try of a letter; after the last one it has failed."""

WEBHOOK_AGAIN = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Nine waits between ten tries: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""

JITTER = 0.1
"""By how much of itself a wait may be longer or shorter, so that what failed together does not come back together."""

OWN_MATTERS = frozenset({"account", "calendar", "channel"})
"""Families of events about how one person signs in or is told: nobody else's business, and told of by no channel."""

HOUSE_MATTERS = frozenset({"disclosure", "endpoint", "person"})
"""Families of events about an organisation's own people and connections and what it shows to whom: its own people's
business, and no webhook's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How somebody wants to be told: ``quiet`` is from one local hour to another, over midnight where it is smaller."""

    zone: str
    rhythm: Rhythm
    digest_hour: int
    quiet: tuple[int, int] | None


def due(habit: Habit, now: datetime) -> datetime:
    """Return the first moment, not before `now`, at which a message may leave, in UTC.

    >>> night = Habit(zone="Asia/Shanghai", rhythm=Rhythm.AT_ONCE, digest_hour=8, quiet=(22, 7))
    >>> due(night, datetime(2027, 3, 1, 15, 30, tzinfo=UTC)).isoformat()  # 23:30 in Beijing
    '2027-03-01T23:00:00+00:00'
    >>> day = Habit(zone="Asia/Shanghai", rhythm=Rhythm.DIGEST, digest_hour=8, quiet=None)
    >>> due(day, datetime(2027, 3, 1, 15, 30, tzinfo=UTC)).isoformat()
    '2027-03-02T00:00:00+00:00'
    """
    local = now.astimezone(ZoneInfo(habit.zone))
    if habit.rhythm is Rhythm.DIGEST:
        local = _next(local, habit.digest_hour)
    if habit.quiet is not None and _within(local.hour, *habit.quiet):
        local = _next(local, habit.quiet[1])
    return local.astimezone(UTC)


def again(waits: tuple[timedelta, ...], tries: int, chance: float) -> timedelta | None:
    """Return how long to wait after the failed try number `tries`, or None where it was the last one.

    `chance`, from 0 to 1, moves the wait within `JITTER`.

    >>> again(WEBHOOK_AGAIN, 1, 0.5), again(WEBHOOK_AGAIN, 10, 0.5)
    (datetime.timedelta(seconds=5), None)
    """
    if tries > len(waits):
        return None
    return waits[tries - 1] * (1 + JITTER * (2 * chance - 1))


def family(code: str) -> str:
    """Return the family of an event: what it is about.

    >>> family("membership.invited")
    'membership'
    """
    return code.partition(".")[0]


def _within(hour: int, starts: int, ends: int) -> bool:
    return starts <= hour < ends if starts < ends else hour >= starts or hour < ends


def _next(local: datetime, hour: int) -> datetime:
    """Return the next full `hour` of the clock on the wall, which may be 23 or 25 hours away."""
    wanted = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    return wanted if wanted > local else wanted + timedelta(days=1)
