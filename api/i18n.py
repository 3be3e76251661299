"""Words for codes, in two languages: ``say`` a message, name a state, a sum of money, a country, a date.

The catalogues stand in ``api/locale``: one TOML table a section, one line a code. A text holds ``{param}`` or
``{param:form}``, where the form is one of

* ``number``, ``share`` (basis points), ``money`` (minor units of the message's ``currency``), ``date``, ``moment``,
  ``country``;
* the name of a section, for a parameter that is itself a code: ``{current:state}``; several codes stand in one
  parameter separated by commas, and ``*`` words those the section does not know;
* two words with a bar between, for a plural: ``{count} {count:firm|firms}``.
"""

import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale as Conventions
from babel.dates import format_date, format_datetime
from babel.numbers import (
    format_compact_currency,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
)
from litestar.connection import ASGIConnection

from domain.kinds import BASIS_POINTS
from domain.message import Message, Parameter

Locale = Literal["zh-CN", "en"]
LOCALES: tuple[Locale, ...] = ("zh-CN", "en")
DEFAULT: Locale = "zh-CN"
LOCALE_QUERY = "lang"
LOCALE_COOKIE = "lz_lang"
BEIJING = ZoneInfo("Asia/Shanghai")
SPOKEN = ("refusal", "rule", "reason", "criterion", "event", "diagnosis", "import", "cli")
"""Sections whose codes need no section before them; no two of them share a code."""

Catalogue = Mapping[str, Mapping[str, str]]


@cache
def catalogue(locale: Locale) -> Catalogue:
    """Return every text of one language, by section and code."""
    with (Path(__file__).parent / "locale" / f"{locale}.toml").open("rb") as file:
        return tomllib.load(file)


def say(locale: Locale, message: Message, *, section: str | None = None) -> str:
    """Word `message`; a code that no catalogue has is said as it stands, so that wording never fails.

    The code is looked up in `section` where one is given, else in the sections that speak, else as ``section.code``.
    """
    text = _text(locale, message.code, section)
    return message.code if text is None else _Wording(locale, message.params).format(text)


def speaks(locale: Locale, code: str, *, section: str | None = None) -> bool:
    """Tell whether the catalogue has words for `code`."""
    return _text(locale, code, section) is not None


def word(locale: Locale, member: StrEnum) -> str:
    """Name one value of a closed set: ``word("zh-CN", Role.BUREAU)`` is 商务主管部门."""
    return say(locale, Message(code=member.value), section=section_of(type(member)))


def section_of(kind: type[StrEnum]) -> str:
    """Return the section that words an enum: its name in snake case."""
    return "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")


def money(locale: Locale, minor: int, currency: str, *, compact: bool = False) -> str:
    """Write minor units of an ISO 4217 currency: ``¥749,100,000.00``, or ``¥7.49亿`` when `compact`."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    if compact:
        return str(format_compact_currency(amount, currency, locale=_conventions(locale), fraction_digits=2))
    return str(format_currency(amount, currency, locale=_conventions(locale)))


def number(locale: Locale, value: int | float | Decimal) -> str:
    """Write a number with its thousands marked."""
    return str(format_decimal(value, locale=_conventions(locale)))


def share(locale: Locale, basis_points: int) -> str:
    """Write basis points as a percentage: 3333 is ``33.33%``."""
    return str(format_percent(Decimal(basis_points) / BASIS_POINTS, format="#,##0.##%", locale=_conventions(locale)))


def day(locale: Locale, value: date) -> str:
    """Write a calendar day: ``2027年3月1日``, ``March 1, 2027``."""
    return str(format_date(value, "long", locale=_conventions(locale)))


def moment(locale: Locale, value: datetime, zone: ZoneInfo = BEIJING) -> str:
    """Write an instant to the minute in `zone`, whose offset is written too."""
    form = "y年M月d日 HH:mm (ZZZZ)" if locale == "zh-CN" else "MMM d, y, HH:mm (ZZZZ)"
    return str(format_datetime(value, form, tzinfo=zone, locale=_conventions(locale)))


def country(locale: Locale, code: str) -> str:
    """Name a country or region (国家或地区); where CLDR words one otherwise than we must, the catalogue does."""
    own = _text(locale, code, "country")
    return own if own is not None else _conventions(locale).territories.get(code, code)


def supported(tag: str | None) -> Locale | None:
    """Return the catalogue that serves a BCP 47 tag: any ``zh`` is served by ``zh-CN``, any ``en`` by ``en``."""
    language = (tag or "").split("-")[0].split("_")[0].strip().lower()
    return next((locale for locale in LOCALES if locale.split("-")[0] == language), None)


def negotiate(query: str | None, cookie: str | None, account: str | None, accept_language: str | None) -> Locale:
    """Choose the reader's language: what the address says, else cookie, account, browser, else Chinese.

    Weights of Accept-Language (RFC 9110, 12.5.4) are heeded; what cannot be read or served is passed over.
    """
    wishes = (query, cookie, account, *_preferences(accept_language or ""))
    return next((locale for locale in map(supported, wishes) if locale is not None), DEFAULT)


def locale_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Locale:
    """Choose the language of whoever reads the answer to `connection`."""
    return negotiate(
        connection.query_params.get(LOCALE_QUERY),
        connection.cookies.get(LOCALE_COOKIE),
        getattr(connection.scope.get("auth"), "locale", None),
        connection.headers.get("accept-language"),
    )


def _preferences(header: str) -> list[str]:
    weighed = []
    for part in header.split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        weighed.append((float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0, tag))
    return [tag for weight, tag in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


@cache
def _conventions(locale: Locale) -> Conventions:
    return Conventions.parse(locale.replace("-", "_"))


@cache
def _spoken(locale: Locale) -> Mapping[str, str]:
    texts = catalogue(locale)
    return {code: text for section in SPOKEN for code, text in texts.get(section, {}).items()}


def _text(locale: Locale, code: str, section: str | None) -> str | None:
    if section is not None:
        return catalogue(locale).get(section, {}).get(code)
    if code in _spoken(locale):
        return _spoken(locale)[code]
    table, _, rest = code.partition(".")
    return catalogue(locale).get(table, {}).get(rest)


class _Missing(str):
    """The name of a parameter that a message lacks."""

    __slots__ = ()


class _Wording(Formatter):
    """Fills one text; a parameter that is missing leaves its name, since half a sentence beats none."""

    def __init__(self, locale: Locale, params: Mapping[str, Parameter]) -> None:
        self._locale = locale
        self._params = params

    def format(self, text: str, /, *_: object, **__: object) -> str:
        return self.vformat(text, (), self._params)

    def get_value(self, key: int | str, args: object, kwargs: Mapping[str, object]) -> object:
        return kwargs.get(str(key), _Missing(f"{{{key}}}"))

    def format_field(self, value: Any, form: str) -> str:
        if isinstance(value, _Missing):
            return _text(self._locale, "*", form) or str(value)
        if value is None:
            return say(self._locale, Message(code="nothing"), section="page")
        try:
            return self._formed(value, form)
        except (
            ArithmeticError,
            TypeError,
            ValueError,
        ):  # a sentence about a fault must not fail for a figure of the wrong type
            return str(value)

    def _formed(self, value: Any, form: str) -> str:
        if not form:
            return str(value)
        if form in _FORMS:
            return _FORMS[form](self._locale, value)
        if form == "money":
            return money(self._locale, value, str(self._params.get("currency", "XXX")))
        if "|" in form:
            one, other = form.split("|")
            return one if _conventions(self._locale).plural_form(value) == "one" else other
        codes = [code.strip() for code in str(value).split(",")]
        texts = catalogue(self._locale).get(form, {})
        words = [texts.get(code, texts.get("*", code)) for code in codes if code]
        return catalogue(self._locale)["page"]["comma"].join(words)


_FORMS: Mapping[str, Callable[[Locale, Any], str]] = {
    "number": number,
    "share": share,
    "date": lambda locale, value: day(locale, date.fromisoformat(value)),
    "moment": lambda locale, value: moment(locale, datetime.fromisoformat(value)),
    "country": country,
}
