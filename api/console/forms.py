"""From what a browser posts to the wire types of the API, with every fault beside its field."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from babel.numbers import get_currency_precision
from pydantic import ValidationError

from api.i18n import Locale
from api.problems import fault_said, path_of
from api.wire.base import Wire
from domain.errors import Fault, Invalid

Form = Mapping[str, str]
Sent = TypeVar("Sent", bound=Wire)

MAGNITUDES = {"万": 4, "亿": 8}
"""How many places a magnitude moves the point; people write sums as 8620万 and 7.49亿."""
AMOUNT = re.compile(r"([0-9][0-9,，_ ]*(?:\.[0-9]+)?)\s*(万|亿)?\s*元?")


def amount(text: str, currency: str) -> int:
    """Return a sum as minor units of `currency`: ``86,200.50``, ``8620万`` and ``7.49亿`` are understood.

    Raises Invalid with code ``sum`` for anything else, and for more decimals than the currency has.

    >>> amount("8620万", "CNY"), amount("86,200.5", "CNY"), amount("1500", "JPY")
    (8620000000, 8620050, 1500)
    """
    found = AMOUNT.fullmatch(text.strip())
    if found is None:
        raise Invalid((Fault(where="$", code="sum"),))
    try:
        value = Decimal(re.sub(r"[,，_ ]", "", found[1])).scaleb(MAGNITUDES.get(found[2] or "", 0))
        minor = value.scaleb(get_currency_precision(currency))
    except InvalidOperation as broken:
        raise Invalid((Fault(where="$", code="sum"),)) from broken
    if minor != minor.to_integral_value():
        raise Invalid((Fault(where="$", code="sum"),))
    return int(minor)


def written(minor: int, currency: str) -> str:
    """Return minor units as somebody would type them.

    >>> written(8620050, "CNY")
    '86200.50'
    """
    return str(Decimal(minor).scaleb(-get_currency_precision(currency)))


def whole(text: str) -> int:
    """Return a whole number, with or without thousands marked. Raises Invalid with code ``int_parsing``.

    >>> whole("1,200")
    1200
    """
    compact = re.sub(r"[,，_ ]", "", text.strip())
    if not re.fullmatch(r"[0-9]{1,15}", compact):
        raise Invalid((Fault(where="$", code="int_parsing"),))
    return int(compact)


def percent(text: str) -> int:
    """Return a percentage in basis points. Raises Invalid with code ``percent``.

    >>> percent("12.5"), percent("30 %")
    (1250, 3000)
    """
    compact = text.strip().rstrip("%").strip()
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", compact):
        raise Invalid((Fault(where="$", code="percent", params={"given": text}),))
    return int(Decimal(compact) * 100)


class Reading:
    """Reads the fields of one form, and collects what is wrong with them instead of stopping at the first."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.faults: list[Fault] = []

    def text(self, name: str) -> str | None:
        """Return a field's text, or None where it is empty."""
        return self.form.get(name, "").strip() or None

    def whole(self, name: str) -> int | None:
        """Return a field's whole number, or None where it is empty or wrong."""
        text = self.text(name)
        return None if text is None else self._kept(name, lambda: whole(text))

    def amount(self, name: str, currency: str) -> int | None:
        """Return a field's sum in minor units, or None where it is empty or wrong."""
        text = self.text(name)
        return None if text is None else self._kept(name, lambda: amount(text, currency))

    def percent(self, name: str) -> int | None:
        """Return a field's percentage in basis points, or None where it is empty or wrong."""
        text = self.text(name)
        return None if text is None else self._kept(name, lambda: percent(text))

    def missing(self, name: str) -> None:
        """Note that a field had to be filled in and was not."""
        self.faults.append(Fault(where=f"$.{name}", code="missing"))

    def _kept(self, name: str, read: Any) -> Any:
        try:
            return read()
        except Invalid as refused:
            self.faults += [Fault(where=f"$.{name}", code=each.code, params=each.params) for each in refused.faults]
            return None

    def settle(self) -> None:
        """Raise Invalid when a field was wrong: for forms whose further faults would only follow from it."""
        if self.faults:
            raise Invalid(tuple(self.faults))

    def wire(self, kind: type[Sent], given: Mapping[str, Any]) -> Sent:
        """Return `given` as the API would take it. Raises Invalid with every fault of the form."""
        known = {fault.where.removeprefix("$.") for fault in self.faults}
        try:
            made = kind.model_validate(dict(given))
        except ValidationError as error:
            for each in error.errors():
                where = path_of(each["loc"])
                if where.removeprefix("$.") not in known:
                    self.faults.append(Fault(where=where, code=each["type"], params=each.get("ctx", {})))
        self.settle()
        return made


def period(form: Reading) -> dict[str, Any]:
    """Return a period as a form states it: working days where some were chosen, else hours."""
    days = form.whole("working_days")
    return {"working_days": days} if days else {"hours": form.whole("hours") or 72}


def beside(locale: Locale, refused: Invalid, aliases: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what to say beside each field, by its name; what belongs to no single field stands under ``""``."""
    named = aliases or {}
    said: dict[str, str] = {}
    for fault in refused.faults:
        name = fault.where.removeprefix("$").removeprefix(".")
        said.setdefault(named.get(name, name), fault_said(locale, fault))
    return said
