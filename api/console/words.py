"""What templates can say: words, figures, days and places in the reader's language."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jinja2
import pycountry
from jinja2.runtime import Context
from markupsafe import Markup

from api import i18n
from api.i18n import Locale
from api.zones import zone_of
from domain.message import Message

TEMPLATES = Path(__file__).parent / "templates"


def _locale(context: Context) -> Locale:
    locale: Locale = context["locale"]
    return locale


@jinja2.pass_context
def translated(context: Context, code: str, /, **params: Any) -> str:
    """Say a sentence of section ``page``."""
    return i18n.say(_locale(context), Message(code=code, params=params), section="page")


@jinja2.pass_context
def named(context: Context, code: str | None, section: str, params: Mapping[str, Any] | None = None) -> str:
    """Name a code of a section, with `params` where it is a sentence; None is said to be undeclared."""
    if code is None:
        return translated(context, "nothing")
    return i18n.say(_locale(context), Message(code=str(code), params=params or {}), section=section)


@jinja2.pass_context
def word(context: Context, member: StrEnum) -> str:
    """Name one value of a closed set."""
    return i18n.word(_locale(context), member)


@jinja2.pass_context
def said(context: Context, message: Mapping[str, Any], /, **more: Any) -> str:
    """Say a stored message: its code with its params, and `more` that the sentence may need."""
    return i18n.say(_locale(context), Message(code=message["code"], params={**message["params"], **more}))


@jinja2.pass_context
def said_in(context: Context, message: Mapping[str, Any], section: str) -> str:
    """Say a stored message whose code stands in `section`."""
    return i18n.say(_locale(context), Message(code=message["code"], params=message["params"]), section=section)


@jinja2.pass_context
def money(context: Context, minor: int | None, currency: str, *, compact: bool = False) -> str:
    """Write minor units of a currency."""
    return translated(context, "nothing") if minor is None else i18n.money(
        _locale(context), minor, currency, compact=compact
    )  # fmt: skip


@jinja2.pass_context
def number(context: Context, value: float | None) -> str:
    """Write a number with its thousands marked."""
    return translated(context, "nothing") if value is None else i18n.number(_locale(context), value)


@jinja2.pass_context
def share(context: Context, basis_points: int) -> str:
    """Write basis points as a percentage."""
    return i18n.share(_locale(context), basis_points)


@jinja2.pass_context
def score(context: Context, millionths: int) -> str:
    """Write millionths of a perfect score as a percentage to the tenth; what is less than one is said to be."""
    tenths = round(millionths / 1_000)
    least = "<" if millionths > 0 and tenths == 0 else ">−" if millionths < 0 and tenths == 0 else ""
    return least + i18n.share(_locale(context), 10 if least else 10 * tenths)


@jinja2.pass_context
def day(context: Context, value: date | None) -> str:
    """Write a calendar day."""
    return translated(context, "nothing") if value is None else i18n.day(_locale(context), value)


@jinja2.pass_context
def month(context: Context, value: date) -> str:
    """Write a month, the same in both languages: 2027-06."""
    return value.strftime("%Y-%m")


@jinja2.pass_context
def moment(context: Context, value: datetime, country: str | None = None, stated: str | None = None) -> Markup:
    """Write an instant in Beijing's time, and in the country's own, or the zone stated, where that differs."""
    zone = zone_of(country, stated) if country else None
    beijing = i18n.moment(_locale(context), value).rsplit(" (", 1)[0]
    here = Markup('<time datetime="{}">{} {}</time>').format(
        value.isoformat(timespec="minutes"), beijing, translated(context, "beijing")
    )
    if zone is None or value.astimezone(zone).utcoffset() == value.astimezone(i18n.BEIJING).utcoffset():
        return here
    there = Markup('<span class="there">{} {}</span>').format(
        i18n.moment(_locale(context), value, zone), translated(context, "local-time")
    )
    return here + Markup(" ") + there


@jinja2.pass_context
def left(context: Context, deadline: datetime) -> str:
    """Say how long it is to a deadline."""
    seconds = int((deadline - datetime.now(UTC)).total_seconds())
    if seconds <= 0:
        return translated(context, "over")
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    if days:
        return translated(context, "left-days", days=days, hours=hours)
    return translated(context, "left-hours", hours=hours, minutes=rest // 60)


def over(deadline: datetime) -> bool:
    """Tell whether a moment has passed."""
    return deadline <= datetime.now(UTC)


def urgent(deadline: datetime) -> bool:
    """Tell whether less than two days are left."""
    return (deadline - datetime.now(UTC)).total_seconds() < 2 * 86_400


@jinja2.pass_context
def country(context: Context, code: str) -> str:
    """Name a country or region."""
    return i18n.country(_locale(context), code)


@jinja2.pass_context
def countries(context: Context) -> tuple[tuple[str, str], ...]:
    """Return every country and region with its name, in the order of names."""
    return _countries(_locale(context))


@cache
def _countries(locale: Locale) -> tuple[tuple[str, str], ...]:
    order: Callable[[str], Any] = pinyin if locale == "zh-CN" else str.casefold
    named = ((each.alpha_2, i18n.country(locale, each.alpha_2)) for each in pycountry.countries)
    return tuple(sorted(named, key=lambda pair: order(pair[1])))


def pinyin(text: str) -> bytes:
    """Return what Chinese names sort by: GB 2312 has its common characters in the order of their pinyin."""
    return text.encode("gb18030")


@jinja2.pass_context
def unit(context: Context, code: str | None) -> str:
    """Name a unit of UN/CEFACT Recommendation 20 as the reader's trade says it."""
    if code is None:
        return ""
    return i18n.catalogue(_locale(context))["unit"].get(code, code)


@jinja2.pass_context
def title(context: Context, thing: Any) -> str:
    """Return a thing's title or name in the reader's language, where it has one in that language."""
    english: str | None = getattr(thing, "title_en", None) or getattr(thing, "name_en", None)
    own: str = getattr(thing, "title", None) or thing.name
    return english if _locale(context) == "en" and english else own


@cache
def environment() -> jinja2.Environment:
    """Return the one environment of all pages: escaping everything, and refusing names that are not there."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        t=translated,
        over=over,
        urgent=urgent,
        countries=countries,
        event_codes=" ".join(i18n.catalogue(i18n.DEFAULT)["event"]),
    )
    for each in (
        named, word, said, said_in, money, number, share, score, day, month, moment, left, country, unit, title,
    ):  # fmt: skip
        made.filters[each.__name__] = each
    made.filters["uuid"] = UUID
    return made
