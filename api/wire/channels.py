"""What goes over the wire about obligations, ways of being told, letters and calendars."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api.i18n import DEFAULT, Locale, catalogue, say
from api.sending.letters import chat_fault, hidden
from api.wire.auth import Label
from api.wire.base import Wire
from domain.delivery import OWN_MATTERS, Habit, family
from domain.kinds import ChannelKind, Country, Hour, LetterState, Rhythm
from domain.message import Message
from domain.obligation import Obligation
from domain.records import CalendarFeed, Channel, Letter


def families() -> tuple[str, ...]:
    """Return what one can be told of: the families of all events there are words for, in the catalogue's order."""
    found = dict.fromkeys(family(code) for code in catalogue(DEFAULT)["event"])
    return tuple(name for name in found if name not in OWN_MATTERS)


def _known(name: str) -> str:
    if name not in families():
        raise PydanticCustomError("family", "{family} is no kind of event", {"family": name})
    return name


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError) as unknown:
        raise PydanticCustomError("zone", "{zone} is no time zone", {"zone": name}) from unknown


Family = Annotated[str, StringConstraints(max_length=40), AfterValidator(_known)]
Families = Annotated[tuple[Family, ...], Field(max_length=40)]
"""Kinds of event by the part of their code before the dot; none means every kind."""
Zone = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_zone)]
"""A time zone of the IANA database, such as ``Asia/Shanghai``."""


class ObligationOut(Wire):
    """One thing that waits for whoever asks; `path` is the page of the console on which it is done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "answer-invitation",
                    "subject_id": "0198c0de-0000-7000-8000-00000000000b",
                    "due": "2027-01-09T02:00:00+00:00",
                    "path": "/i/0198c0de-0000-7000-8000-00000000000b",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                    "params": {"name": "中爪哇储能联合体"},
                    "title": "答复“中爪哇储能联合体”的邀请",
                }
            ]
        }
    )

    code: str
    subject_id: UUID
    due: datetime | None
    path: str
    opportunity_id: UUID | None
    consortium_id: UUID | None
    params: dict[str, Any]
    title: str

    @classmethod
    def of(cls, each: Obligation, locale: Locale) -> Self:
        """Show an obligation with its sentence."""
        return cls(
            code=each.code,
            subject_id=each.subject_id,
            due=each.due,
            path=each.path,
            opportunity_id=each.opportunity_id,
            consortium_id=each.consortium_id,
            params=dict(each.params),
            title=say(locale, Message(code=each.code, params=each.params), section="obligation"),
        )


class ObligationsOut(Wire):
    """Part of what is open, the first to fall due first; `total` counts all of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [ObligationOut.example()], "total": 1, "next": None}],
        }
    )

    items: tuple[ObligationOut, ...]
    total: int
    next: str | None = None


class ChannelIn(Wire):
    """Where, of what and when somebody wants to be told.

    E-mail goes to the account's own address. The address of a chat is one of Apprise (`dingtalk://…`, `feishu://…`,
    `wecombot://…`), of a service whose machine is known; it is a secret and is shown shortened. `place` is where that
    service keeps what it is sent: outside the mainland (CN) nothing goes there without a recorded assessment.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "email",
                    "label": "工作邮箱",
                    "families": ["membership", "consortium"],
                    "rhythm": "at_once",
                    "quiet_from": 22,
                    "quiet_to": 7,
                    "zone": "Asia/Shanghai",
                }
            ]
        }
    )

    kind: ChannelKind
    label: Label
    address: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)] | None = None
    families: Families = ()
    rhythm: Rhythm = Rhythm.AT_ONCE
    digest_hour: Hour = 8
    quiet_from: Hour | None = None
    quiet_to: Hour | None = None
    zone: Zone = "Asia/Shanghai"
    place: Country = "CN"
    active: bool = True

    @field_validator("address")
    @classmethod
    def _reachable(cls, address: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        if kind is ChannelKind.EMAIL and address is not None:
            raise PydanticCustomError("own-address", "e-mail goes to the account's own address")
        fault = chat_fault(address) if address is not None else None
        if fault is not None:
            raise PydanticCustomError(fault, "not an address of a chat that may be used")
        return address

    @field_validator("quiet_to")
    @classmethod
    def _whole(cls, ends: int | None, info: ValidationInfo) -> int | None:
        starts = info.data.get("quiet_from")
        if (starts is None) != (ends is None) or (ends is not None and starts == ends):
            raise PydanticCustomError("quiet", "quiet hours have a beginning and another end")
        return ends

    @property
    def habit(self) -> Habit:
        """When messages may leave."""
        quiet = None if self.quiet_from is None or self.quiet_to is None else (self.quiet_from, self.quiet_to)
        return Habit(zone=self.zone, rhythm=self.rhythm, digest_hour=self.digest_hour, quiet=quiet)


class ChannelOut(Wire):
    """One's own way of being told; a chat's address is shortened. `postponed` events wait until `postponed_until`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-0000000000c1",
                    "kind": "email",
                    "label": "工作邮箱",
                    "address": None,
                    "families": ["membership", "consortium"],
                    "rhythm": "at_once",
                    "digest_hour": 8,
                    "quiet_from": 22,
                    "quiet_to": 7,
                    "zone": "Asia/Shanghai",
                    "place": "CN",
                    "active": True,
                    "version": 1,
                    "postponed": 0,
                    "postponed_until": None,
                }
            ]
        }
    )

    id: UUID
    kind: ChannelKind
    label: str
    address: str | None
    families: tuple[str, ...]
    rhythm: Rhythm
    digest_hour: int
    quiet_from: int | None
    quiet_to: int | None
    zone: str
    place: str
    active: bool
    version: int
    postponed: int = 0
    postponed_until: datetime | None = None

    @classmethod
    def of(cls, row: Channel, postponed: tuple[int, datetime] | None = None) -> Self:
        """Show a channel to its owner."""
        number, until = postponed or (0, None)
        shown = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        address = None if row.address is None else hidden(row.address)
        return cls.model_validate(
            shown | {"address": address, "families": tuple(row.families), "postponed": number, "postponed_until": until}
        )


class LetterOut(Wire):
    """What was sent, or is to be sent, over a channel: of how many events, how it stands, why it failed last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-0000000000d1",
                    "channel_id": "0198c0de-0000-7000-8000-0000000000c1",
                    "created_at": "2027-01-06T02:00:01+00:00",
                    "state": "sent",
                    "test": False,
                    "events": 2,
                    "tries": 1,
                    "reason": None,
                    "next_at": None,
                    "finished_at": "2027-01-06T02:00:02+00:00",
                }
            ]
        }
    )

    id: UUID
    channel_id: UUID
    created_at: datetime
    state: LetterState
    test: bool
    events: int
    tries: int
    reason: str | None
    next_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Letter, events: int) -> Self:
        """Show a letter to the owner of its channel; when it is tried next is told while it waits."""
        return cls.model_validate(
            {
                "id": row.id,
                "channel_id": row.channel_id,
                "created_at": row.created_at,
                "state": row.state,
                "test": row.test,
                "events": events,
                "tries": row.tries,
                "reason": row.reason,
                "next_at": row.next_at if row.state is LetterState.WAITING else None,
                "finished_at": row.finished_at,
            }
        )


class CalendarOut(Wire):
    """The secret address of one's deadlines, shown this once: whoever has it reads them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://lianzhou.example/calendar/8f3k…/deadlines.ics", "created_at": None}]
        }
    )

    url: str
    created_at: datetime | None

    @classmethod
    def of(cls, site: str, secret: str, row: CalendarFeed) -> Self:
        """Tell the address of a calendar whose secret was made just now."""
        return cls(url=f"{site}/calendar/{secret}/deadlines.ics", created_at=row.created_at)
