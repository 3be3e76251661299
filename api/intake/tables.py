"""From the rows of a table to drafts: headings in either language and order, every fault of every row at once."""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from api.intake import values
from api.intake.drafts import Draft
from api.intake.sheet import Line, Sheet
from api.intake.values import Cell, NotUnderstood
from domain.errors import Fault
from domain.kinds import Disclosure, LinkKind, PackageKind, RequirementKind, Visibility
from domain.message import Parameter

D = TypeVar("D", bound=Draft)

HEADINGS_WITHIN = 12
OWN_CURRENCY = "CNY"

Reader = Callable[[Cell], Any]

_DISCLOSURES = {"仅平台计算": Disclosure.SOLVER, "仅平台": Disclosure.SOLVER, "匹配方": Disclosure.MATCHED}
_LINK_KINDS = {"供货": LinkKind.SUPPLIES, "供应": LinkKind.SUPPLIES, "合作": LinkKind.PARTNERED}
_PACKAGE_KINDS = {"货物": PackageKind.GOODS, "工程": PackageKind.WORKS, "服务": PackageKind.SERVICES}
_VISIBILITIES = {
    "公开": Visibility.PUBLIC,
    "认证企业": Visibility.VERIFIED,
    "受邀企业": Visibility.INVITED,
    "受邀": Visibility.INVITED,
}
_REQUIREMENT_KINDS = {
    "能力": RequirementKind.CAPABILITY,
    "证书": RequirementKind.CERTIFICATE,
    "等级": RequirementKind.GRADE,
    "资质": RequirementKind.GRADE,
    "国别": RequirementKind.COUNTRY,
    "国别经验": RequirementKind.COUNTRY,
    "交付周期": RequirementKind.LEAD_TIME,
    "核验": RequirementKind.VERIFICATION,
}


def _mandatory(cell: Cell) -> bool:
    known = {"必须": True, "加分": False}.get(values.text(cell))
    return values.boolean(cell) if known is None else known


READERS: Mapping[str, Reader] = {
    "text": values.text,
    "code": values.code,
    "industry_code": values.industry_code,
    "number": values.number,
    "whole": values.whole,
    "percent": values.percent,
    "day": values.day,
    "moment": values.moment,
    "boolean": values.boolean,
    "country": values.country,
    "countries": values.countries,
    "unit": values.unit,
    "several": values.several,
    "roles": values.roles,
    "grades": values.grades,
    "mandatory": _mandatory,
    "disclosure": values.one_of(_DISCLOSURES),
    "link_kind": values.one_of(_LINK_KINDS),
    "package_kind": values.one_of(_PACKAGE_KINDS),
    "visibility": values.one_of(_VISIBILITIES),
    "requirement_kind": values.one_of(_REQUIREMENT_KINDS),
}

_BLAMED = {
    "quantity-without-unit": "unit",
    "price-without-currency": "currency",
    "code-without-system": "code_system",
    "requirement-empty": "phrase",
    "supplier-range": "max_suppliers",
    "share-bounds": "max_share",
    "package-repeated": "packages",
    "package-unknown": "packages",
}
"""The field that a rule about a whole row points at."""

_SCALED = re.compile(r"(.+?)\s*\((万亿|亿|百万|千|万)?(?:人民币)?(?:元|美元)?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a form: the field it fills, its headings, how its cells are read."""

    field: str
    zh: str
    en: str
    read: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    money: bool = False
    choices: Mapping[str, tuple[str, ...]] = made(default_factory=dict)
    note: Mapping[str, str] = made(default_factory=dict)
    example: str = ""

    def heading(self, language: str) -> str:
        """Return the heading in ``zh`` or ``en``."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The columns of one kind of table; an upright one has its headings below each other."""

    key: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    upright: bool = False

    def headings(self) -> Mapping[str, Column]:
        """Return every heading that is understood, in its comparable spelling."""
        known: dict[str, Column] = {}
        for column in self.columns:
            for heading in (column.zh, column.en, column.field, *column.aliases):
                known.setdefault(_plain(heading), column)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Generic[D]):
    """A draft with the place it came from, so that later refusals can name row and column."""

    draft: D
    place: str
    headings: Mapping[str, str] = made(default_factory=dict)

    def at(self, name: str) -> str:
        """Return the cell or path of one field: ``row 7, 月产能``."""
        return located(self.place, self.headings.get(name))

    def fault(self, name: str, code: str, /, **params: Parameter) -> Fault:
        """Return a fault of one field of this draft."""
        return Fault(where=self.at(name), code=code, params=params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A row that is left out on purpose, and why; it is no fault."""

    place: str
    code: str
    given: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The understood cells of one row, by field, and the faults of those that were not understood."""

    place: str
    headings: Mapping[str, str]
    fields: Mapping[str, Any]
    faults: tuple[Fault, ...]


def located(place: str, heading: str | None) -> str:
    """Join a row and a heading.

    >>> located("row 7", "月产能"), located("row 7", None)
    ('row 7, 月产能', 'row 7')
    """
    return ", ".join(part for part in (place, heading) if part)


@cache
def _formats() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "formats.toml").read_text(encoding="utf-8"))


@cache
def standard(key: str) -> Form:
    """Return our own form of a table: firms, capabilities, links, products, opportunity, packages or requirements."""
    described = _formats()[key]
    columns = tuple(Column(**column | {"aliases": tuple(column.get("aliases", ()))}) for column in described["columns"])
    return Form(
        key=key, zh=described["zh"], en=described["en"], columns=columns, upright=described.get("upright", False)
    )


def constant(name: str) -> Any:
    """Return a fixed word of the formats, such as the mark of an example row."""
    return _formats()[name]


def _plain(heading: str) -> str:
    return unicodedata.normalize("NFKC", heading).replace(" ", "").replace("*", "").replace("\n", "").casefold()


def _shown(heading: str) -> str:
    """Return a heading without the star that marks a required column."""
    return heading.replace("*", "").strip()


def recognise(form: Form, heading: Cell) -> tuple[Column, int] | None:
    """Return the column a heading names, and the scale in its brackets.

    >>> recognise(standard("firms"), "注册资本（万元）")[1]
    10000
    """
    if not isinstance(heading, str):
        return None
    known, plain = form.headings(), _plain(heading)
    scaled = _SCALED.fullmatch(plain)
    scale = int(values.number("1" + (scaled[2] or ""))) if scaled else 1
    column = known.get(plain) or (known.get(scaled[1]) if scaled else None)
    return (column, scale) if column else None


def is_mark(cell: Cell) -> bool:
    """Tell whether a cell says that its row is the template's example."""
    return isinstance(cell, str) and values.folded(cell) in set(constant("example_mark").values())


def _recognised(form: Form, cells: Iterable[Cell]) -> int:
    return sum(recognise(form, cell) is not None for cell in cells)


def fits(form: Form, sheet: Sheet) -> int:
    """Return how many headings of the form a sheet has, to choose the sheet that is meant."""
    if form.upright:
        return _recognised(form, [next((c for c in line.cells if c is not None), None) for line in sheet.lines])
    return max((_recognised(form, line.cells) for line in sheet.lines[:HEADINGS_WITHIN]), default=0)


def entries(form: Form, sheet: Sheet, *, named: bool = False) -> Iterator[Entry | Fault | Skip]:
    """Read a sheet by a form: one entry a row, plus faults of the heading row and the example rows left out."""
    title = f"{sheet.name} " if named and sheet.name else ""
    if form.upright:
        yield from _upright(form, sheet, title)
        return
    start = max(
        range(min(len(sheet.lines), HEADINGS_WITHIN)), key=lambda i: (_recognised(form, sheet.lines[i].cells), -i)
    )
    heading_line = sheet.lines[start]
    layout = list(_layout(form, heading_line, title))
    yield from (part for part in layout if isinstance(part, Fault))
    placed = [part for part in layout if not isinstance(part, Fault)]
    if any(isinstance(part, Fault) for part in layout):
        return
    for line in sheet.lines[start + 1 :]:
        place = f"{title}row {line.number}"
        if any(is_mark(cell) for cell in line.cells):
            yield Skip(place=place, code="example-row")
            continue
        yield _entry(place, [(*where, _cell(line, where[0])) for where in placed])


Place = tuple[int, Column, str, int]


def _layout(form: Form, line: Line, title: str) -> Iterator[Place | Fault]:
    place = f"{title}row {line.number}"
    seen: dict[str, str] = {}
    for position, cell in enumerate(line.cells):
        found = recognise(form, cell)
        if found is None:
            continue
        column, scale = found
        heading = _shown(values.text(cell))
        if column.field in seen:
            yield Fault(where=located(place, heading), code="column-repeated", params={"other": seen[column.field]})
        else:
            seen[column.field] = heading
            yield position, column, heading, scale
    for column in form.columns:
        if column.required and column.field not in seen:
            params: dict[str, Parameter] = {"column": column.zh, "column_en": column.en}
            yield Fault(where=located(place, column.zh), code="column-missing", params=params)


def unknown_headings(form: Form, sheet: Sheet) -> tuple[str, ...]:
    """Return the headings that the form does not know; their columns are not read."""
    if form.upright or not sheet.lines:
        return ()
    line = max(sheet.lines[:HEADINGS_WITHIN], key=lambda line: _recognised(form, line.cells))
    marks = {_plain(word) for word in constant("mark_heading").values()}
    return tuple(
        values.text(cell)
        for cell in line.cells
        if cell is not None and recognise(form, cell) is None and _plain(values.text(cell)) not in marks
    )


def _cell(line: Line, position: int) -> Cell:
    return line.cells[position] if position < len(line.cells) else None


def _upright(form: Form, sheet: Sheet, title: str) -> Iterator[Entry | Fault]:
    rows: list[tuple[int, Column, str, int, Cell]] = []
    places: dict[str, str] = {}
    for line in sheet.lines:
        start = next(place for place, cell in enumerate(line.cells) if cell is not None)
        found = recognise(form, line.cells[start])
        if found is None:
            continue
        column, scale = found
        heading = f"{title}row {line.number}, {_shown(values.text(line.cells[start]))}"
        if column.field in places:
            yield Fault(where=heading, code="column-repeated", params={"other": places[column.field]})
            continue
        places[column.field] = heading
        rows.append((0, column, heading, scale, _cell(line, start + 1)))
    for column in form.columns:
        if column.required and column.field not in places:
            params: dict[str, Parameter] = {"column": column.zh, "column_en": column.en}
            yield Fault(where=f"{title.strip() or sheet.name}, {column.zh}", code="column-missing", params=params)
    yield _entry("", rows)


def _entry(place: str, row: Iterable[tuple[int, Column, str, int, Cell]]) -> Entry:
    fields: dict[str, Any] = {}
    headings: dict[str, str] = {}
    faults: list[Fault] = []
    for _, column, heading, scale, cell in row:
        headings[column.field] = heading
        if cell is None:
            if column.required:
                faults.append(Fault(where=located(place, heading), code="missing"))
            continue
        try:
            value = READERS[column.read](cell)
            fields[column.field] = value * scale if isinstance(value, Decimal) else value
        except NotUnderstood as wrong:
            faults.append(Fault(where=located(place, heading), code=wrong.code, params=wrong.params))
    return Entry(place=place, headings=headings, fields=fields, faults=tuple(faults))


def in_minor_units(form: Form, entry: Entry, currency: str | None = None) -> Entry:
    """Turn the money of an entry into minor units of `currency`, of its own currency, or else of CNY."""
    money = [column.field for column in form.columns if column.money and column.field in entry.fields]
    if not money:
        return entry
    known = str(currency or entry.fields.get("currency") or OWN_CURRENCY).upper()
    fields, faults = dict(entry.fields), list(entry.faults)
    for name in money:
        try:
            fields[name] = values.minor_units(fields[name], known)
        except NotUnderstood as wrong:
            del fields[name]
            faults.append(Fault(where=located(entry.place, entry.headings[name]), code=wrong.code, params=wrong.params))
    return Entry(place=entry.place, headings=entry.headings, fields=fields, faults=tuple(faults))


def draft(kind: type[D], entry: Entry) -> Placed[D] | tuple[Fault, ...]:
    """Return the checked draft of one row, or every fault of it."""
    try:
        checked = kind.model_validate(dict(entry.fields))
    except ValidationError as wrong:
        known = {fault.where for fault in entry.faults}
        found = [fault for fault in _row_faults(entry, wrong) if fault.where not in known]
        return (*entry.faults, *found)
    if entry.faults:
        return entry.faults
    return Placed(draft=checked, place=entry.place, headings=entry.headings)


def _row_faults(entry: Entry, wrong: ValidationError) -> Iterator[Fault]:
    for error in wrong.errors(include_url=False):
        name = str(error["loc"][0]) if error["loc"] else _blamed(error["type"], entry)
        heading = entry.headings.get(name, name)
        yield Fault(where=located(entry.place, heading), code=error["type"], params=plain_params(error))


def _blamed(code: str, entry: Entry) -> str:
    if code == "period":
        return "valid_to" if "valid_to" in entry.fields else "ends"
    return _BLAMED[code]


def plain_params(error: Any) -> dict[str, Parameter]:
    """Return the figures of a pydantic error that can be said: numbers and short texts."""
    context: Mapping[str, Any] = error.get("ctx", {})
    return {
        name: value if isinstance(value, (int, float, bool, type(None))) else str(value)[:120]
        for name, value in context.items()
        if name != "error"
    }
