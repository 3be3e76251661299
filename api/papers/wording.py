"""A draft in words: the library of clauses says each code in each language, and every figure is written out.

A library is a pair of files in ``clauses``, named by edition and language. A sentence holds ``{name}`` or
``{name:form}``; unlike a message on a page, a sentence of a contract that lacks a figure is not said at all.
"""

import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from babel.numbers import get_currency_precision

from api import i18n
from api.i18n import Locale
from coalitions.clauses import Article, Draft, Table
from coalitions.validity import Validity
from domain.kinds import BASIS_POINTS
from domain.message import Message, Parameter

LIBRARY = Path(__file__).parent / "clauses"
Language = Literal["zh", "en", "both"]
SPOKEN: Mapping[Language, tuple[Locale, ...]] = {"zh": ("zh-CN",), "en": ("en",), "both": ("zh-CN", "en")}
FIGURES = frozenset({"units", "share-package", "unit-price", "value", "share"})
"""Columns whose cells stand to the right."""

WIDTHS: Mapping[str, int] = {
    "number": 4, "name": 18, "credit-code": 16, "role": 8, "terms": 8, "package": 9, "member": 17, "units": 12,
    "share-package": 10, "unit-price": 13, "value": 16, "share": 8, "representative": 16, "seal": 18,
    "subject": 18, "agreed": 40,
}  # fmt: skip
"""How wide columns are beside each other."""

Text = tuple[str, ...]
"""The same thing said in each language of a sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table in words."""

    columns: tuple[str, ...]
    headings: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    summed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An article or annex in words."""

    heading: Text
    paragraphs: tuple[Text, ...]
    grid: Grid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A place to sign: whose, and under which code."""

    name: str
    credit_code: str
    lead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A whole agreement in words, with the hash of its original and the address where that is verified."""

    languages: tuple[Locale, ...]
    title: Text
    preamble: tuple[Text, ...]
    articles: tuple[Section, ...]
    annexes: tuple[Section, ...]
    signatures: tuple[Signature, ...]
    labels: Mapping[str, Text]
    demonstration: bool
    sha256: str
    address: str


def worded(draft: Draft, language: Language, *, sha256: str, address: str, demonstration: bool) -> Sheet:
    """Say a draft in a language, or in both side by side.

    Raises KeyError for a code or a figure that the library needs and the draft lacks.
    """
    speakers = tuple(_Speaker(draft.edition, locale) for locale in SPOKEN[language])

    def each(say: Callable[[_Speaker], str]) -> Text:
        return tuple(say(speaker) for speaker in speakers)

    def said(message: Message) -> Text:
        return each(lambda speaker: speaker.say("clause", message))

    def section(article: Article) -> Section:
        return Section(
            heading=each(lambda speaker: speaker.say("heading", Message(code=article.code))),
            paragraphs=tuple(map(said, article.paragraphs)),
            grid=_grid(article.table, speakers) if article.table else None,
        )

    figures: dict[str, Parameter] = {"number": draft.number, "library": draft.edition}
    labels = {code: Message(code=code, params=figures) for code in speakers[0].codes("sheet")}
    return Sheet(
        languages=SPOKEN[language],
        title=said(draft.title),
        preamble=tuple(map(said, draft.preamble)),
        articles=tuple(map(section, draft.articles)),
        annexes=tuple(map(section, draft.annexes)),
        signatures=tuple(
            Signature(name=plain(each.name), credit_code=plain(each.credit_code or ""), lead=each.lead)
            for each in draft.signatories
        ),
        labels={
            "signatures": each(lambda speaker: speaker.say("heading", Message(code="signatures"))),
            **{code: tuple(speaker.say("sheet", label) for speaker in speakers) for code, label in labels.items()},
        },
        demonstration=demonstration,
        sha256=sha256,
        address=address,
    )


def mark(sheet: Sheet, standing: Validity) -> Text:
    """Return what stands at the head of a copy of an agreement that is worth `standing`."""
    return sheet.labels[str(standing)]


def joined(text: Text, between: str = " / ") -> str:
    """Say something in every language of a sheet at one place; what is the same in both is said once.

    >>> joined(("数量", "Quantity")), joined(("WP1", "WP1"))
    ('数量 / Quantity', 'WP1')
    """
    return between.join(dict.fromkeys(text))


def plain(value: str) -> str:
    r"""Return `value` as text and nothing else: what is no character, or turns the direction of others, is shown.

    Control characters are not allowed in XML 1.0; characters of direction (Unicode TR 9) let a price read otherwise
    than it is.

    >>> plain("a\x07b\u202ec\nd")
    'a\ufffdb\ufffdc d'
    """
    return "".join(" " if c in "\t\n\r" else "\ufffd" if _hidden(c) else c for c in value)


def _hidden(character: str) -> bool:
    turns = unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return turns or unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")


def _grid(table: Table, speakers: "tuple[_Speaker, ...]") -> Grid:
    return Grid(
        columns=tuple(column.code for column in table.columns),
        headings=tuple(tuple(speaker.say("column", column) for speaker in speakers) for column in table.columns),
        rows=tuple(tuple(tuple(s.say("cell", cell) for s in speakers) for cell in row) for row in table.rows),
        summed=table.summed,
    )


@cache
def library(edition: str, locale: Locale) -> Mapping[str, Mapping[str, str]]:
    """Return one edition of the clauses in one language. Raises FileNotFoundError where there is none."""
    with (LIBRARY / f"{edition}.{locale}.toml").open("rb") as file:
        return tomllib.load(file)


class _Speaker:
    """Says codes of one library in one language."""

    def __init__(self, edition: str, locale: Locale) -> None:
        self._texts = library(edition, locale)
        self._locale = locale

    def codes(self, section: str) -> tuple[str, ...]:
        return tuple(self._texts[section])

    def say(self, section: str, message: Message) -> str:
        said = ""
        for words, name, form, _ in Formatter().parse(self._texts[section][message.code]):
            said += words + (self._figure(message.params, name, form or "") if name else "")
        return said

    def _figure(self, figures: Mapping[str, Parameter], name: str, form: str) -> str:
        value = figures[name]
        if form == "money":
            return money(int(str(value)), str(figures["currency"]))
        return _FORMS[form](self._locale, value) if form else plain(str(value))


def _unit(locale: Locale, code: str) -> str:
    return i18n.catalogue(locale)["unit"].get(code, plain(code))


def money(value: int, currency: str) -> str:
    """Write minor units in units of their currency, whose code stands in the heading.

    >>> money(123456789, "CNY"), money(5, "JPY")
    ('1,234,567.89', '5')
    """
    places = get_currency_precision(currency)
    return f"{Decimal(value).scaleb(-places):,.{places}f}"


def share(basis_points: int) -> str:
    """Write basis points with both places.

    >>> share(10_000), share(3333)
    ('100.00%', '33.33%')
    """
    return f"{Decimal(basis_points) * 100 / BASIS_POINTS:.2f}%"


_FORMS: Mapping[str, Callable[[Locale, Any], str]] = {
    "number": i18n.number,
    "country": i18n.country,
    "unit": _unit,
    "date": lambda locale, value: i18n.day(locale, date.fromisoformat(value)),
    "share": lambda locale, value: share(value),
}
