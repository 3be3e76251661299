"""The taxonomy: code systems and their ancestry, narrower products, and how a phrase is compared with another.

Code systems, with the rule of their hierarchy:

- ``HS``, Harmonized System 2022 (WCO): pairs of digits; chapter 85, heading 8507, subheading 850760, national digits.
- ``CPV``, Common Procurement Vocabulary 2008 (Regulation (EC) 213/2008): eight digits filled up with zeros; division
  31, group 311, class 3112, category 31121, then one digit a level; the check digit after the dash is not compared.
- ``GBT``, GB/T 4754-2017 国民经济行业分类: section letter, division of two digits, then one digit a level.
- ``UNSPSC``: eight digits in pairs filled up with zeros: segment, family, class, commodity.
- ``OWN``: a platform's own codes, segments parted by ``.``, ``-``, ``_`` or ``/``.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

from domain.errors import Fault, Invalid


class CodeSystem(StrEnum):
    HS = "HS"
    CPV = "CPV"
    GBT = "GBT"
    UNSPSC = "UNSPSC"
    OWN = "OWN"


class CodeCover(StrEnum):
    """How far a declared code answers one that is asked for."""

    FULL = "full"
    UNPROVEN = "unproven"
    NONE = "none"


SECTIONS = (
    *(("A", 1, 5), ("B", 6, 12), ("C", 13, 43), ("D", 44, 46), ("E", 47, 50), ("F", 51, 52), ("G", 53, 60)),
    *(("H", 61, 62), ("I", 63, 65), ("J", 66, 69), ("K", 70, 70), ("L", 71, 72), ("M", 73, 75), ("N", 76, 79)),
    *(("O", 80, 82), ("P", 83, 83), ("Q", 84, 85), ("R", 86, 90), ("S", 91, 96), ("T", 97, 97)),
)
"""Section letter, first and last division of GB/T 4754-2017."""

_FORMS: Mapping[CodeSystem, re.Pattern[str]] = {
    CodeSystem.HS: re.compile(r"\d{2}(\d{2}){0,4}", re.ASCII),
    CodeSystem.CPV: re.compile(r"\d{8}", re.ASCII),
    CodeSystem.GBT: re.compile(r"[A-T](\d{2,4})?", re.ASCII),
    CodeSystem.UNSPSC: re.compile(r"\d{8}", re.ASCII),
    CodeSystem.OWN: re.compile(r"[A-Z0-9]+([._/\-][A-Z0-9]+)*"),
}
_SYSTEM_NAMES: Mapping[str, CodeSystem] = {
    **{str(system): system for system in CodeSystem},
    "GB/T 4754": CodeSystem.GBT,
    "GB/T 4754-2017": CodeSystem.GBT,
    "GBT4754": CodeSystem.GBT,
    "GB/T4754": CodeSystem.GBT,
}


def require_known_system(name: str) -> CodeSystem:
    """Return the code system of that name; case does not matter.

    Raises Invalid for a name the taxonomy does not know.

    >>> require_known_system("gb/t 4754-2017")
    <CodeSystem.GBT: 'GBT'>
    """
    try:
        return _SYSTEM_NAMES[name.strip().upper()]
    except KeyError:
        known = ", ".join(CodeSystem)
        fault = Fault(where="code_system", code="unknown-code-system", params={"system": name, "known": known})
        raise Invalid((fault,)) from None


def canonical(system: str, code: str) -> str:
    """Return the one spelling of a code within its system.

    Raises Invalid for an unknown system or a code that has not the system's form.

    >>> canonical("HS", "8507.60"), canonical("CPV", "31121000-0"), canonical("GBT", "3824")
    ('850760', '31121000', 'C3824')
    """
    known = require_known_system(system)
    bare = unicodedata.normalize("NFKC", code).strip().upper()
    match known:
        case CodeSystem.HS:
            bare = re.sub(r"[. ]", "", bare)
        case CodeSystem.CPV:
            bare = re.sub(r"-\d$", "", bare)
        case CodeSystem.GBT if bare[:2].isdigit():
            bare = _section(int(bare[:2])) + bare
        case _:
            pass
    if not _FORMS[known].fullmatch(bare) or (known is CodeSystem.GBT and not _in_its_section(bare)):
        raise Invalid((Fault(where="code", code="malformed-code", params={"system": str(known), "code": code}),))
    return bare


def _section(division: int) -> str:
    return next((letter for letter, first, last in SECTIONS if first <= division <= last), "")


def _in_its_section(code: str) -> bool:
    return len(code) == 1 or _section(int(code[1:3])) == code[0]


def ancestors(system: str, code: str) -> tuple[str, ...]:
    """Return the broader codes of a code, nearest first, the code itself left out.

    Raises Invalid for an unknown system or a malformed code.

    >>> ancestors("HS", "850760")
    ('8507', '85')
    >>> ancestors("GBT", "C3824")
    ('C382', 'C38', 'C')
    >>> ancestors("CPV", "31121000-0")
    ('31120000', '31100000', '31000000')
    >>> ancestors("OWN", "power.pcs.dc")
    ('POWER.PCS', 'POWER')
    """
    known = require_known_system(system)
    return tuple(reversed(_path(known, canonical(known, code))[:-1]))


def _path(system: CodeSystem, code: str) -> tuple[str, ...]:
    """Return the codes from the broadest down to `code` itself."""
    match system:
        case CodeSystem.HS:
            return tuple(code[:end] for end in range(2, len(code) + 1, 2))
        case CodeSystem.CPV:
            return _filled(code, range(2, 9))
        case CodeSystem.UNSPSC:
            return _filled(code, range(2, 9, 2))
        case CodeSystem.GBT:
            return tuple(code[:end] for end in (1, 3, 4, 5) if end <= len(code))
        case _:
            ends = [found.start() for found in re.finditer(r"[._/\-]", code)]
            return (*(code[:end] for end in ends), code)


def _filled(code: str, ends: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code[:end].ljust(len(code), "0") for end in ends))


@lru_cache(maxsize=65_536)
def _lineage(system: str, code: str) -> tuple[CodeSystem, tuple[str, ...]] | None:
    try:
        known = require_known_system(system)
        return known, _path(known, canonical(known, code))
    except Invalid:
        return None


def code_cover(have_system: str, have: str, need_system: str, need: str) -> CodeCover:
    """Tell how far a capability declared under one code answers a need stated under another.

    FULL when both are the same, or the need's code is an ancestor of the capability's: who makes lithium-ion cells
    (850760) serves a call for accumulators (8507). UNPROVEN when the capability is declared at a broader level than is
    asked: it may include the need, and only a question can tell. NONE otherwise, across systems, and for codes that
    cannot be read.

    >>> code_cover("HS", "850760", "HS", "8507").value, code_cover("HS", "8507", "HS", "850760").value
    ('full', 'unproven')
    >>> code_cover("HS", "850760", "HS", "8504").value, code_cover("GBT", "C3841", "HS", "8507").value
    ('none', 'none')
    """
    having, needing = _lineage(have_system, have), _lineage(need_system, need)
    if having is None or needing is None or having[0] is not needing[0]:
        return CodeCover.NONE
    if needing[1][-1] in having[1]:
        return CodeCover.FULL
    return CodeCover.UNPROVEN if having[1][-1] in needing[1] else CodeCover.NONE


def covers_code(have_system: str, have: str, need_system: str, need: str) -> bool:
    """Tell whether a capability's code fully covers a need's code; see `code_cover` for the rule.

    >>> covers_code("CPV", "31121000-0", "CPV", "31120000-3"), covers_code("CPV", "31000000-6", "CPV", "31120000-3")
    (True, False)
    """
    return code_cover(have_system, have, need_system, need) is CodeCover.FULL


_BESIDE_IDEOGRAPH = re.compile("(?<=[\u2e80-\u9fff\uf900-\ufaff]) | (?=[\u2e80-\u9fff\uf900-\ufaff])")
_MARKS = re.compile(r"[^\w+]+")


@lru_cache(maxsize=262_144)
def fold(phrase: str) -> str:
    """Return the one spelling under which phrases are compared.

    Width and case are folded (NFKC), punctuation becomes a space, and spaces stay only between words of an alphabet.

    >>> fold("ＬＦＰ  电芯（方形）"), fold("Solar-Inverter"), fold("液晶 显示 模组")
    ('lfp电芯方形', 'solar inverter', '液晶显示模组')
    """
    words = _MARKS.sub(" ", unicodedata.normalize("NFKC", phrase).casefold()).strip()
    return _BESIDE_IDEOGRAPH.sub("", words)


_LEGAL_FORM = re.compile(r"(股份|集团|控股|有限|责任|公司|总公司|\(.*?\)|（.*?）)+$")
_PLACE = re.compile(
    r"^.{2,6}?(省|市|自治区)|^(中国|北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东"
    r"|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|台湾|深圳|广州)"
)
SHORTEST_NAME = 4
SHORTEST_REST = 3


def without_own_name(phrase: str, firm: str) -> str:
    """Return a phrase without its own firm's name in front, folded; otherwise the folded phrase.

    Only a full distinctive name of four characters or more is taken away, and only when three or more are left,
    so that 光伏 in 光伏逆变器 stays where the firm is called 某某光伏.

    >>> without_own_name("黔源电力普定水电站", "贵州黔源电力股份有限公司")
    '普定水电站'
    >>> without_own_name("光伏逆变器", "合肥光伏股份有限公司")
    '光伏逆变器'
    """
    folded = fold(phrase)
    name = _distinctive(firm)
    rest = folded.removeprefix(name)
    return rest if len(name) >= SHORTEST_NAME and len(rest) >= SHORTEST_REST else folded


@lru_cache(maxsize=16_384)
def _distinctive(firm: str) -> str:
    return fold(_LEGAL_FORM.sub("", _PLACE.sub("", firm.strip())))


def bigrams(folded: str) -> frozenset[str]:
    """Return the pairs of neighbouring characters of a folded phrase; a single character stands for itself.

    >>> sorted(bigrams("逆变器"))
    ['变器', '逆变']
    """
    return frozenset(folded[at : at + 2] for at in range(max(1, len(folded) - 1))) if folded else frozenset()


def overlap(one: str, other: str) -> int:
    """Return how alike two phrases are written, 0 to 100: Dice's coefficient of their character pairs.

    Dice (1945), "Measures of the Amount of Ecologic Association Between Species".

    >>> overlap("光伏逆变器", "光伏并网逆变器"), overlap("光伏逆变器", "葡萄酒"), overlap("PCS", "pcs")
    (60, 0, 100)
    """
    a, b = bigrams(fold(one)), bigrams(fold(other))
    return 200 * len(a & b) // (len(a) + len(b)) if a and b else 0


SHORTEST_HEAD = 3


def is_kind_by_name(have: str, need: str) -> bool:
    """Tell whether a phrase names a kind of what is asked by ending in it, both already folded.

    Chinese and English compounds end in their head: 低压开关柜 is a 开关柜, a dry-type transformer a transformer.
    Heads of fewer than three characters say too little (器件, 系统).

    >>> is_kind_by_name("低压开关柜", "开关柜"), is_kind_by_name("开关柜附件", "开关柜")
    (True, False)
    >>> is_kind_by_name("dry type transformer", "transformer"), is_kind_by_name("biopower", "power")
    (True, False)
    """
    if len(need) < SHORTEST_HEAD or have == need or not have.endswith(need):
        return False
    return not need.isascii() or have[-len(need) - 1] == " "


def index_narrower(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Return each folded product phrase with the folded phrases that are kinds of it, in a stable order.

    >>> index_narrower({("电池", "锂电池"), ("锂电池", "磷酸铁锂电池")})["电池"]
    ('锂电池',)
    """
    kinds: dict[str, set[str]] = {}
    for broader, narrower in pairs:
        kinds.setdefault(fold(broader), set()).add(fold(narrower))
    return {broader: tuple(sorted(kinds[broader])) for broader in sorted(kinds)}


def closure(index: Mapping[str, tuple[str, ...]], phrase: str, depth: int) -> Mapping[str, int]:
    """Return the kinds of a product down to `depth` steps, each with its fewest steps; cycles are walked once.

    >>> index = index_narrower({("电池", "锂电池"), ("锂电池", "磷酸铁锂电池"), ("磷酸铁锂电池", "电池")})
    >>> closure(index, "电池", 2)
    {'锂电池': 1, '磷酸铁锂电池': 2}
    """
    start = fold(phrase)
    steps = {start: 0}
    frontier = [start]
    for step in range(1, depth + 1):
        frontier = sorted({kind for known in frontier for kind in index.get(known, ())} - steps.keys())
        steps.update(dict.fromkeys(frontier, step))
    del steps[start]
    return steps
