"""Opportunities from the Open Contracting Data Standard 1.1: release and record packages, and single releases.

A tender becomes an opportunity; its lots, or its priced items, or else the tender as a whole become work packages; the
classifications of the items become requirements. Several releases of one ``ocid`` are merged as the standard says
(https://standard.open-contracting.org/1.1/en/schema/merging/): later fields win, lists merge by ``id``.
"""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import ValidationError

from api.intake import values
from api.intake.drafts import MAX_REQUIREMENTS, OpportunityDraft
from api.intake.sheet import Upload, refused
from api.intake.tables import Placed, plain_params
from api.intake.values import NotUnderstood
from domain.errors import Fault

SOURCE = "OCDS"
LUMP = 100
"""A lump sum is posted with a quantity fine enough to split."""
MAX_DEPTH = 60
MAX_RELEASES = 5_000
TITLE_LENGTH = 200

_SCHEMES = {"CPV": "CPV", "UNSPSC": "UNSPSC", "HS": "HS", "GBT": "GBT", "GB/T 4754": "GBT"}
_UNIT_SCHEMES = frozenset({"UNCEFACT", "UNECE", "RECOMMENDATION 20", "UN/CEFACT"})

Json = Any
Outcome = Placed[Any] | tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """The merged releases of one ``ocid`` and the path of the latest that holds a tender."""

    release: Mapping[str, Json]
    path: str


def opportunities(upload: Upload) -> Iterator[Outcome]:
    """Yield one draft, or the faults, of each contracting process in `upload`. Raises Invalid where it is no OCDS."""
    for story in _stories(upload):
        if not isinstance(story.release.get("tender"), dict):
            yield (Fault(where=story.path, code="no-tender"),)
        else:
            yield _Tender(story).outcome()


def _stories(upload: Upload) -> list[_Story]:
    document = _parsed(upload)
    found = [(release, path) for release, path in _releases(document) if isinstance(release, dict)]
    if not found or not any("ocid" in release for release, _ in found):
        raise refused(upload.filename, "not-ocds")
    if len(found) > MAX_RELEASES:
        raise refused(upload.filename, "too-many-rows", limit=MAX_RELEASES)
    by_process: dict[str, list[tuple[Mapping[str, Json], str]]] = {}
    for release, path in found:
        by_process.setdefault(str(release.get("ocid", path)), []).append((release, path))
    return [_merged(releases) for releases in by_process.values()]


def _parsed(upload: Upload) -> Json:
    try:
        document = json.loads(upload.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise refused(upload.filename, "file-encoding") from None
    except (ValueError, RecursionError):
        raise refused(upload.filename, "json_invalid") from None
    if _depth(document) > MAX_DEPTH:
        raise refused(upload.filename, "json_invalid")
    return document


def _depth(document: Json) -> int:
    depth, level = 0, [document]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def _releases(document: Json) -> Iterator[tuple[Json, str]]:
    match document:
        case {"records": [*records]}:
            for place, record in enumerate(records):
                yield from _recorded(record, f"$.records[{place}]")
        case {"releases": [*releases]}:
            yield from ((release, f"$.releases[{place}]") for place, release in enumerate(releases))
        case [*releases]:
            yield from ((release, f"$[{place}]") for place, release in enumerate(releases))
        case _:
            yield document, "$"


def _recorded(record: Json, path: str) -> Iterator[tuple[Json, str]]:
    match record:
        case {"compiledRelease": dict(compiled)}:
            yield compiled, f"{path}.compiledRelease"
        case {"releases": [*releases]}:
            yield from ((release, f"{path}.releases[{place}]") for place, release in enumerate(releases))
        case _:
            yield None, path


def _merged(releases: list[tuple[Mapping[str, Json], str]]) -> _Story:
    ordered = sorted(releases, key=lambda one: str(one[0].get("date", "")))
    whole: Json = {}
    path = ordered[-1][1]
    for release, place in ordered:
        whole = merge(whole, release)
        path = place if "tender" in release else path
    return _Story(release=whole, path=path)


def merge(earlier: Json, later: Json) -> Json:
    """Lay one release over an earlier one; null takes a field away, lists of things with ids merge by id.

    >>> merge({"a": 1, "b": [{"id": 1, "x": 2}]}, {"a": None, "b": [{"id": 1, "y": 3}]})
    {'b': [{'id': 1, 'x': 2, 'y': 3}]}
    """
    if isinstance(earlier, dict) and isinstance(later, dict):
        both = earlier | {key: merge(earlier.get(key), value) for key, value in later.items()}
        return {key: value for key, value in both.items() if value is not None}
    if isinstance(later, list) and _identified(later):
        known = {str(one["id"]): one for one in earlier} if isinstance(earlier, list) and _identified(earlier) else {}
        for one in later:
            known[str(one["id"])] = merge(known.get(str(one["id"]), {}), one)
        return list(known.values())
    return merge({}, later) if isinstance(later, dict) else later


def _identified(things: list[Json]) -> bool:
    return bool(things) and all(isinstance(one, dict) and "id" in one for one in things)


_SOURCES = {
    "name": "title",
    "country": "procuringEntity",
    "currency": "value.currency",
    "budget": "value.amount",
    "value": "value.amount",
    "kind": "mainProcurementCategory",
    "deadline": "tenderPeriod.endDate",
    "starts": "contractPeriod.startDate",
    "ends": "contractPeriod.endDate",
    "packages": "lots",
    "requirements": "items",
}
"""Fields of a draft → where the standard keeps them."""


def _joined(path: str, inner: Sequence[str | int]) -> str:
    first, *rest = inner
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest)
    return f"{path}.{_SOURCES.get(str(first), first)}{steps}"


class _Tender:
    """Collects the fields of one opportunity and, on the way, everything that is wrong with the tender."""

    def __init__(self, story: _Story) -> None:
        self.release = story.release
        self.tender: Mapping[str, Json] = story.release["tender"]
        self.root = story.path
        self.path = f"{story.path}.tender"
        self.faults: list[Fault] = []
        self.places: list[str] = []

    def outcome(self) -> Outcome:
        """Return the draft, or every fault with its path."""
        fields = self._fields()
        try:
            draft = OpportunityDraft.model_validate(fields)
        except ValidationError as wrong:
            known = {fault.where for fault in self.faults}
            self.faults.extend(fault for fault in self._rule_faults(wrong) if fault.where not in known)
            return tuple(self.faults)
        return tuple(self.faults) if self.faults else Placed(draft=draft, place=self.root)

    def _rule_faults(self, wrong: ValidationError) -> Iterator[Fault]:
        for error in wrong.errors(include_url=False):
            match error["loc"]:
                case ("packages", int(place), *inner):
                    where = _joined(self.places[place], inner or ["ends"])
                case (*inner,):
                    where = _joined(self.path, inner or ["ends"])
            yield Fault(where=where, code=error["type"], params=plain_params(error))

    def _fields(self) -> dict[str, Json]:
        currency = self._currency()
        title = self._text(self.tender.get("title"))
        summary = self._text(self.tender.get("description"))
        period = self._object(self.tender, "contractPeriod")
        starts = self._day(period, "startDate", f"{self.path}.contractPeriod")
        ends = self._day(period, "endDate", f"{self.path}.contractPeriod")
        shared = {"starts": starts, "ends": ends}
        fields = {
            "title": shortened(title),
            "summary": (f"{title}\n\n" if len(title) > TITLE_LENGTH else "") + summary,
            "country": self._country(),
            "currency": currency,
            "budget": self._money(self._object(self.tender, "value"), f"{self.path}.value", currency) or None,
            "deadline": self._moment(self._object(self.tender, "tenderPeriod"), "endDate", f"{self.path}.tenderPeriod"),
            "source": SOURCE,
            "source_reference": self._text(self.release.get("ocid")) or None,
            "packages": tuple(self._packages(currency, shared)),
            **shared,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _currency(self) -> str | None:
        currency = self._object(self.tender, "value").get("currency")
        if currency is None:
            self._wrong(f"{self.path}.value.currency", "missing")
        return str(currency) if currency is not None else None

    def _country(self) -> str | None:
        entity = self._object(self.tender, "procuringEntity") or self._object(self.release, "buyer")
        parties = [one for one in self._list(self.release, "parties") if isinstance(one, dict)]
        buyers = [one for one in parties if one.get("id") == entity.get("id") or "buyer" in (one.get("roles") or ())]
        for party in (entity, *buyers):
            address = self._object(party, "address")
            name = address.get("country") or address.get("countryName")
            if isinstance(name, str) and name.strip():
                try:
                    return values.country(name)
                except NotUnderstood as wrong:
                    self._wrong(f"{self.root}.parties.address.countryName", wrong.code, **wrong.params)
                    return None
        self._wrong(f"{self.root}.parties.address.countryName", "missing")
        return None

    def _packages(self, currency: str | None, shared: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
        lots = [lot for lot in self._list(self.tender, "lots") if isinstance(lot, dict)]
        items = [item for item in self._list(self.tender, "items") if isinstance(item, dict)]
        if lots:
            for place, lot in enumerate(lots):
                own = [item for item in items if item.get("relatedLot") == lot.get("id")]
                path = f"{self.path}.lots[{place}]"
                yield self._package(place, lot, own, path, currency, shared)
        elif items and all(self._unit_value(item) is not None and item.get("quantity") for item in items):
            for place, item in enumerate(items):
                yield self._package(place, item, [item], f"{self.path}.items[{place}]", currency, shared)
        else:
            yield self._package(0, self.tender, items, self.path, currency, shared)

    def _package(
        self,
        place: int,
        source: Mapping[str, Json],
        items: Sequence[Mapping[str, Json]],
        path: str,
        currency: str | None,
        shared: Mapping[str, Json],
    ) -> dict[str, Json]:
        self.places.append(path)
        quantity, unit = self._measure(items, path)
        value = self._package_value(source, items, path, currency)
        period = self._object(source, "contractPeriod")
        own = {
            "starts": self._day(period, "startDate", f"{path}.contractPeriod") if period else None,
            "ends": self._day(period, "endDate", f"{path}.contractPeriod") if period else None,
        }
        name = self._text(source.get("title")) or self._text(source.get("description")) or f"WP{place + 1:02}"
        package = {
            "code": f"WP{place + 1:02}",
            "name": shortened(name),
            "kind": source.get("mainProcurementCategory") or self.tender.get("mainProcurementCategory"),
            "unit": unit,
            "quantity": quantity,
            "value": value,
            "requirements": tuple(self._requirements(items, path))[:MAX_REQUIREMENTS],
            **{name: own[name] or shared[name] for name in shared},
        }
        return {key: given for key, given in package.items() if given is not None}

    def _measure(self, items: Sequence[Mapping[str, Json]], path: str) -> tuple[int, str | None]:
        if len(items) != 1 or items[0].get("quantity") is None:
            return LUMP, "C62"
        quantity = values.decimal_or_none(items[0]["quantity"])
        if quantity is None or quantity != quantity.to_integral_value() or quantity < 1:
            self._wrong(f"{path}.quantity", "whole-number", given=str(items[0]["quantity"])[:60])
            return LUMP, "C62"
        unit = self._object(items[0], "unit")
        official = str(unit.get("scheme", "")).upper() in _UNIT_SCHEMES
        written = unit.get("id") if official else unit.get("name")
        try:
            return int(quantity), values.unit(str(written or "one"))
        except NotUnderstood as wrong:
            self._wrong(f"{path}.unit", wrong.code, **wrong.params)
            return int(quantity), None

    def _package_value(
        self, source: Mapping[str, Json], items: Sequence[Mapping[str, Json]], path: str, currency: str | None
    ) -> int | None:
        if "value" in source:
            return self._money(self._object(source, "value"), f"{path}.value", currency)
        worths = [(self._unit_value(item), values.decimal_or_none(item.get("quantity"))) for item in items]
        known = [price * quantity for price, quantity in worths if price is not None and quantity is not None]
        if not known or len(known) < len(items):
            self._wrong(f"{path}.value", "missing")
            return None
        return self._minor(sum(known[1:], known[0]), f"{path}.value", currency)

    def _unit_value(self, item: Mapping[str, Json]) -> values.Amount | None:
        return values.decimal_or_none(self._object(self._object(item, "unit"), "value").get("amount"))

    def _requirements(self, items: Sequence[Mapping[str, Json]], path: str) -> Iterator[dict[str, Json]]:
        seen: set[tuple[str, str]] = set()
        for item in items:
            classed = [self._object(item, "classification"), *self._list(item, "additionalClassifications")]
            for place, one in enumerate(part for part in classed if isinstance(part, dict) and part):
                phrase = self._text(one.get("description")) or self._text(item.get("description"))
                system = _SCHEMES.get(str(one.get("scheme", "")).upper())
                code = str(one.get("id", "")).removesuffix(".0")
                key = (system or "", code if system else phrase)
                if key in seen or not (phrase or (system and code)):
                    continue
                seen.add(key)
                coded = {"code_system": system, "code": code} if system and code else {}
                words = {"phrase": shortened(phrase)} if phrase else {}
                yield {"kind": "capability", "mandatory": place == 0, **words, **coded}

    def _money(self, value: Mapping[str, Json], path: str, currency: str | None) -> int | None:
        amount = values.decimal_or_none(value.get("amount"))
        if amount is None:
            if value.get("amount") is not None:
                self._wrong(f"{path}.amount", "number", given=str(value["amount"])[:60])
            return None
        if value.get("currency", currency) != currency:
            self._wrong(f"{path}.currency", "currency-mixed", given=str(value.get("currency"))[:8])
        return self._minor(amount, f"{path}.amount", currency)

    def _minor(self, amount: values.Amount, path: str, currency: str | None) -> int | None:
        try:
            return values.minor_units(amount, currency or "")
        except NotUnderstood as wrong:
            self._wrong(path, wrong.code, **wrong.params)
            return None

    def _day(self, period: Mapping[str, Json], name: str, path: str) -> date | None:
        moment = self._moment(period, name, path)
        return moment.date() if moment else None

    def _moment(self, period: Mapping[str, Json], name: str, path: str) -> datetime | None:
        written = period.get(name)
        if written is None:
            self._wrong(f"{path}.{name}", "missing")
            return None
        try:
            return values.moment(str(written))
        except NotUnderstood as wrong:
            self._wrong(f"{path}.{name}", wrong.code, **wrong.params)
            return None

    def _text(self, written: Json) -> str:
        return (
            html.unescape(written).replace("\r\n", "\n").replace("\r", "\n").strip() if isinstance(written, str) else ""
        )

    def _object(self, source: Mapping[str, Json], name: str) -> Mapping[str, Json]:
        found = source.get(name)
        return found if isinstance(found, dict) else {}

    def _list(self, source: Mapping[str, Json], name: str) -> list[Json]:
        found = source.get(name)
        return found if isinstance(found, list) else []

    def _wrong(self, where: str, code: str, /, **params: Any) -> None:
        self.faults.append(Fault(where=where, code=code, params=params))


def shortened(words: str) -> str:
    """Cut a title to what fits, showing that it was cut.

    >>> len(shortened("x" * 300)), shortened("x" * 300)[-1]
    (200, '…')
    """
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1] + "…"
