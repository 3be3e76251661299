"""What a cell means: numbers, money, dates, countries and units as people write them, in Chinese and in English.

Every reader takes a cell that is not blank and returns a value, or raises NotUnderstood with the code of a fault.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import cache

import pycountry
from babel import Locale

from domain.kinds import BASIS_POINTS, Role
from domain.message import Parameter

Cell = str | int | float | bool | date | datetime | None
Amount = Decimal

BEIJING = timezone(timedelta(hours=8))
EXCEL_DAY_ZERO = date(1899, 12, 30)
EXCEL_SERIALS = range(20_000, 80_000)

MINOR_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    "CLF": 4,
    "UYW": 4,
}
"""ISO 4217 minor units of the currencies that do not have two of them."""

_MULTIPLIERS = {
    "": 1, "百": 10**2, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12,
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)[¥$€£]?(?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?P<power>e[-+]?\d{1,2})?"
    r"(?P<scale>万亿|千万|百万|亿|万|千|百)?(?:人民币|美元|元)?",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月)?|年)?")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(.+?)[ T](\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?)\s*(Z|[-+]\d{2}:?\d{2})?", re.IGNORECASE)
_SEPARATORS = re.compile(r"[;,、|\n]")

_TRUE = frozenset({"是", "有", "对", "√", "✓", "y", "yes", "true", "1"})
_FALSE = frozenset({"否", "无", "没有", "不是", "×", "n", "no", "false", "0"})

_UNITS = {
    "个": "C62", "台": "C62", "只": "C62", "座": "C62", "项": "C62", "辆": "C62", "one": "C62", "unit": "C62",
    "件": "H87", "片": "H87", "块": "H87", "piece": "H87", "pieces": "H87", "pcs": "H87",
    "套": "SET", "组": "SET", "set": "SET", "sets": "SET", "批": "LO", "lot": "LO",
    "吨": "TNE", "t": "TNE", "ton": "TNE", "tonne": "TNE", "tonnes": "TNE", "千克": "KGM", "公斤": "KGM", "kg": "KGM",
    "米": "MTR", "m": "MTR", "metre": "MTR", "meter": "MTR", "千米": "KMT", "公里": "KMT", "km": "KMT",
    "平方米": "MTK", "m2": "MTK", "立方米": "MTQ", "m3": "MTQ", "升": "LTR", "l": "LTR", "litre": "LTR",
    "千瓦": "KWT", "kw": "KWT", "兆瓦": "MAW", "mw": "MAW", "千瓦时": "KWH", "kwh": "KWH",
    "兆瓦时": "MWH", "mwh": "MWH",
    "小时": "HUR", "hour": "HUR", "hours": "HUR", "天": "DAY", "日": "DAY", "day": "DAY", "days": "DAY",
    "月": "MON", "month": "MON", "months": "MON", "年": "ANN", "year": "ANN", "years": "ANN", "百分比": "P1", "%": "P1",
    "mile": "SMI", "miles": "SMI", "英里": "SMI",
}  # fmt: skip
"""Names in use → UN/CEFACT Recommendation 20 common codes."""

_PLACES = {
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "eng": "GB", "sct": "GB",
    "great britain": "GB", "中国": "CN", "中国大陆": "CN", "美国": "US", "usa": "US", "香港": "HK", "中国香港": "HK",
    "澳门": "MO", "中国澳门": "MO", "台湾": "TW", "中国台湾": "TW", "阿联酋": "AE", "韩国": "KR", "south korea": "KR",
    "vietnam": "VN", "russia": "RU", "turkey": "TR", "tanzania": "TZ", "laos": "LA", "bolivia": "BO", "iran": "IR",
}  # fmt: skip
"""Names of countries and regions in use that neither ISO 3166 nor the locale data carry."""

_ROLES = {
    "链主": Role.CHAIN_LEADER,
    "链主企业": Role.CHAIN_LEADER,
    "配套": Role.SUPPLIER,
    "配套企业": Role.SUPPLIER,
    "供应商": Role.SUPPLIER,
    "服务机构": Role.SERVICE_PROVIDER,
}


class NotUnderstood(Exception):
    """A cell that no rule can read; carries the code and the figures of the fault."""

    def __init__(self, code: str, /, **params: Parameter) -> None:
        super().__init__(code, params)
        self.code = code
        self.params: dict[str, Parameter] = params


def folded(value: str) -> str:
    """Fold full-width forms and letter case and drop surrounding blanks, to compare what people typed.

    >>> folded("　ＫＷ ")
    'kw'
    """
    return unicodedata.normalize("NFKC", value).strip().casefold()


def text(cell: Cell) -> str:
    """Read a cell as the text a person sees in it.

    >>> text(91440300.0)
    '91440300'
    """
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    return str(cell).strip()


def code(cell: Cell) -> str:
    """Read a code: full-width letters and digits become plain ones.

    >>> code("９１４４０３００ＭＡ")
    '91440300MA'
    """
    return unicodedata.normalize("NFKC", text(cell)).strip()


def industry_code(cell: Cell) -> str:
    """Read an industry code, of a path of codes the narrowest.

    >>> industry_code("D-D44--"), industry_code("C38")
    ('D44', 'C38')
    """
    return code(cell).strip("-").rpartition("-")[2]


def number(cell: Cell) -> Amount:
    """Read a number as people write it.

    >>> number("1.65亿"), number("16,500万"), number(16500.0)
    (Decimal('165000000.00'), Decimal('165000000'), Decimal('16500.0'))

    Raises NotUnderstood.
    """
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        value = Decimal(str(cell))
        if not value.is_finite():
            raise NotUnderstood("number", given=text(cell))
        return value
    written = unicodedata.normalize("NFKC", text(cell)).replace(" ", "")
    found = _NUMBER.fullmatch(written)
    if not found:
        raise NotUnderstood("number", given=text(cell)[:60])
    plain = found["sign"] + found["digits"].replace(",", "") + (found["power"] or "")
    return Decimal(plain) * _MULTIPLIERS[found["scale"] or ""]


def whole(cell: Cell) -> int:
    """Read a whole number. Raises NotUnderstood.

    >>> whole("2万")
    20000
    """
    value = number(cell)
    if value != value.to_integral_value():
        raise NotUnderstood("whole-number", given=text(cell)[:60])
    return int(value)


def minor_units(amount: Amount, currency: str) -> int:
    """Turn an amount in major units into integer minor units of `currency` (ISO 4217).

    >>> minor_units(Decimal("12.5"), "CNY"), minor_units(Decimal("12"), "JPY"), minor_units(Decimal("1.25"), "KWD")
    (1250, 12, 1250)

    Raises NotUnderstood where the amount is finer than the currency's smallest unit.
    """
    scaled = amount.scaleb(MINOR_DIGITS.get(currency, 2))
    if scaled != scaled.to_integral_value():
        raise NotUnderstood("money-too-fine", amount=str(amount), currency=currency)
    return int(scaled)


def percent(cell: Cell) -> int:
    """Read a percentage, with or without its sign, as basis points rounded half up.

    >>> percent("12.5%"), percent(5.87), percent("31.314")
    (1250, 587, 3131)

    Raises NotUnderstood where it is not a number from 0 to 100.
    """
    written = unicodedata.normalize("NFKC", text(cell)).removesuffix("%")
    try:
        value = number(written)
    except NotUnderstood:
        raise NotUnderstood("percent", given=text(cell)[:60]) from None
    if not 0 <= value <= 100:
        raise NotUnderstood("share-range", given=text(cell)[:60])
    return int((value * (BASIS_POINTS // 100) + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR"))


def day(cell: Cell) -> date:
    """Read a date in the forms that spreadsheets hold; a month or year alone means its first day.

    >>> {str(day(cell)) for cell in ("2026年3月1日", "2026/3/1", "20260301", 46082, "2026-03")}
    {'2026-03-01'}

    Raises NotUnderstood; ``03/04/2026`` is refused, since it means two days.
    """
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    written = code(cell)
    if written.isdigit() and int(written) in EXCEL_SERIALS and len(written) == 5:
        return EXCEL_DAY_ZERO + timedelta(days=int(written))
    found = _COMPACT_DATE.fullmatch(written) or _DATE.fullmatch(re.split(r"[ T]\d{1,2}:", written)[0])
    try:
        year, month, number_of_day = (int(part or 1) for part in (found.groups() if found else ()))
        return date(year, month, number_of_day)
    except ValueError:
        raise NotUnderstood("date", given=written[:60]) from None


def moment(cell: Cell) -> datetime:
    """Read a point in time; without a zone it is Beijing time, without a time of day it is the end of that day.

    >>> [moment(cell).isoformat() for cell in ("2026-12-01 17:00", "2026-12-01", "2026-12-01T09:00:00Z")]
    ['2026-12-01T17:00:00+08:00', '2026-12-01T23:59:59+08:00', '2026-12-01T09:00:00+00:00']

    Raises NotUnderstood.
    """
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=BEIJING)
    found = _TIME.fullmatch(code(cell)) if isinstance(cell, str) else None
    if not found:
        return datetime.combine(day(cell), time(23, 59, 59), BEIJING)
    try:
        clock = time.fromisoformat(found[2].zfill(5) if len(found[2]) == 4 else found[2])
        return datetime.combine(day(found[1]), clock, _zone(found[3]))
    except ValueError:
        raise NotUnderstood("moment", given=text(cell)[:60]) from None


def _zone(written: str | None) -> timezone:
    if written is None:
        return BEIJING
    if written in "Zz":
        return UTC
    sign = -1 if written[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(written[1:3]), minutes=int(written[-2:])))


def boolean(cell: Cell) -> bool:
    """Read yes or no. Raises NotUnderstood.

    >>> boolean("是"), boolean("no"), boolean(True)
    (True, False, True)
    """
    if isinstance(cell, bool):
        return cell
    word = folded(text(cell))
    if word not in _TRUE | _FALSE:
        raise NotUnderstood("yes-or-no", given=text(cell)[:60])
    return word in _TRUE


@cache
def _country_names() -> Mapping[str, str]:
    names = {folded(country.name): country.alpha_2 for country in pycountry.countries}
    codes = {country.alpha_2 for country in pycountry.countries}
    names |= {folded(country.alpha_3): country.alpha_2 for country in pycountry.countries}
    for language in ("en", "zh"):
        names |= {folded(name): key for key, name in Locale(language).territories.items() if key in codes}
    return names | _PLACES


def country(cell: Cell) -> str:
    """Read a country or region, by its ISO 3166 code or its Chinese or English name.

    >>> country("越南"), country("vn"), country("United Kingdom")
    ('VN', 'VN', 'GB')

    Raises NotUnderstood.
    """
    written = re.sub(r"\s+", " ", folded(text(cell)))
    if len(written) == 2 and written.upper() in set(_country_names().values()):
        return written.upper()
    try:
        return _country_names()[written]
    except KeyError:
        raise NotUnderstood("country", code=text(cell)[:60]) from None


def unit(cell: Cell) -> str:
    """Read a unit of measure, by its UN/CEFACT code or a usual name.

    >>> unit("台"), unit("吨"), unit("KWT")
    ('C62', 'TNE', 'KWT')

    Raises NotUnderstood.
    """
    written = code(cell)
    named = _UNITS.get(folded(written))
    if named:
        return named
    if re.fullmatch(r"[A-Za-z0-9]{2,3}", written):
        return written.upper()
    raise NotUnderstood("unit", given=written[:60])


def several(cell: Cell) -> tuple[str, ...]:
    """Split a cell that names several things.

    >>> several("越南；印度尼西亚、泰国")
    ('越南', '印度尼西亚', '泰国')
    """
    written = unicodedata.normalize("NFKC", text(cell))
    return tuple(part.strip() for part in _SEPARATORS.split(written) if part.strip())


def countries(cell: Cell) -> tuple[str, ...]:
    """Read several countries. Raises NotUnderstood.

    >>> countries("越南;ID")
    ('VN', 'ID')
    """
    return tuple(country(part) for part in several(cell))


def roles(cell: Cell) -> tuple[str, ...]:
    """Read what a firm is on the platform; unknown words are left for the draft to refuse.

    >>> roles("链主；配套")
    ('chain_leader', 'supplier')
    """
    return tuple(str(_ROLES.get(part, folded(part))) for part in several(cell))


def grades(cell: Cell) -> dict[str, int]:
    """Read grades by specialty, such as ``power:2; civil:1``. Raises NotUnderstood.

    >>> grades("power:2；civil:1")
    {'power': 2, 'civil': 1}
    """
    held = {}
    for part in several(cell):
        specialty, _, grade = part.partition(":")
        held[specialty.strip()] = whole(grade.strip() or "-")
    return held


def one_of(words: Mapping[str, str]) -> Callable[[Cell], str]:
    """Return a reader that knows `words`; anything else passes through, folded, for the draft to refuse."""

    def read(cell: Cell) -> str:
        word = folded(text(cell))
        return words.get(word, word)

    return read


def decimal_or_none(value: object) -> Amount | None:
    """Return a JSON number as an exact decimal, None when it is no number.

    >>> decimal_or_none(0.1), decimal_or_none("x")
    (Decimal('0.1'), None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
