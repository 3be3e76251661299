"""Who is named in a disclosure, and who is not.

Annual reports disclose the five largest suppliers and customers, and often hide them behind 第一名, 供应商一, 客户A, K.
Such a word names nobody and must never become a firm; a real name must never be taken for such a word. So a name is
refused only when nothing in it distinguishes one firm from another: it is made up wholly of generic words and ordinals,
or it is masked, or it is too short to tell whose code it is.
"""

import re
import unicodedata
from dataclasses import dataclass

_ORDINAL = r"(?:\d{1,3}|[一二三四五六七八九十]{1,3}|[A-Za-z]{1,2}\d{0,2}|[甲乙丙丁戊己庚辛壬癸])"
_GENERIC_WORDS = (
    "供应商|供货商|供应产|供应|工商应|采购商|分销商|经销商|客户|客商|商户|租户|业主|购房者|购房|散客|"
    "单位|公司|企业|集团|机构|部门|项目|品牌|法人|个人|自然人|销售|采购|主要|其他|其它|特定|重要|关联方|关联|"
    "国内|国外|境内|境外|海外|外贸|军贸|军品|军工|军方|涉军|涉密|保密|政府|系统内|系统|排名|名|位|的|大|"
    "医药商|建筑业|下属|所属|控制|控股|实际控制人|实际|人|同一|第"
)
_GENERIC = re.compile(
    rf"(?:[A-Za-z甲乙丙丁戊己庚辛壬癸][-.:]?|\d{{1,3}}(?=单位|供应商|客户)|[一二三四五](?=的)|第)?"
    rf"(?:{_GENERIC_WORDS}|\((?:含军方|购房|个人|关联方)\))+(?:[-#.:(]*{_ORDINAL}\)?号?)?(?:{_GENERIC_WORDS}|\(关联方\))?"
)
_NUMBERED = re.compile(
    r".+(?:供应商|供货商|客户|采购商|商户|租户|业主|购房者|单位|公司|企业|研究所|项目|军方\)|电商)"
    r"[-#.:]?(?:[A-Z]\d?|\d{1,3}|十?[一二三四五六七八九十]|[甲乙丙丁戊])号?"
)
_RANKED = re.compile(
    r"(?:排?名?第[一二三四五六七八九十\d]{1,2}(?:[名位大各])?|前[一二三四五六七八九十\d]{1,2}[名大位]?)"
    r"(?:的)?(?:供应商|客户|单位)?"
)
_TOTAL = re.compile(
    r"(?:前[一二三四五六七八九十\d]+[名大位]?)?(?:供应商|客户)?(?:合计|小计|总计|总额)|(?:同一控制)?下\d+家|其[他它]"
)
_NOTHING = re.compile(r"[-—–_/\\.,;:*×?()\s]*|无|不适用|未披露|不披露|匿名|保密|涉密|n/?a|none|null", re.IGNORECASE)
_MASKED = re.compile(r"\*|×|□|○{2}|(?:^|[一-鿿(])[Xx]{2,}(?=[一-鿿)]|$)|某")
_SPECIAL_TREATMENT = re.compile(r"^S?\*S?T")
_CODE = re.compile(r"[A-Za-z]|[A-Za-z]{2}|[A-Za-z]{1,2}-?\d{1,5}|\d+|[甲乙丙丁戊己庚辛壬癸一二三四五六七八九十]{1,2}")
_PERSON = re.compile(r".{1,6}\((?:个人|购房)\)|[一-鿿]姓|.{1,4}(?:先生|女士)|散客(?:\(.*\))?")
_REAL_AND_SHORT = frozenset(
    ["GE", "GM", "LG", "HP", "BP", "SK", "VW", "KT", "LS", "UL", "AB", "BT", "3M", "O2", "F5", "EY", "360"]
)

_RANK_BEFORE_NAME = re.compile(r"(?:第[一二三四五]名|\([1-5]\)|(?:供应商|客户)[1-5一二三四五][:：])(?=.{4})")
_RANK_AROUND_NAME = re.compile(r"(?:供应商|客户)[1-5一二三四五]\((.{4,})\)")
_STOCK_CODE = re.compile(r"(?P<name>.+?)[\[(](?P<code>\d{6}\.(?:SH|SZ))[\])]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_HAN = re.compile(r"[一-鿿]")
_LATIN_MARKS = re.compile(r"[\s.,'’]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A counterparty with a name; ``stock_code`` where the disclosure gives it."""

    name: str
    stock_code: str | None = None

    @property
    def key(self) -> str:
        """The form in which two spellings of one name are equal."""
        return name_key(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisclosed:
    """Nobody: the code says why."""

    reason: str


def tidy(name: str) -> str:
    """Fold full-width forms; drop blanks inside Chinese names, where they are an accident of typesetting.

    >>> tidy("  中国 石化（集团）"), tidy("Tesla,  Inc.")
    ('中国石化(集团)', 'Tesla, Inc.')
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name))
    plain = re.sub(r"\s+", " ", plain).strip()
    return plain.replace(" ", "") if _HAN.search(plain) and not re.search(r"[A-Za-z] [A-Za-z]", plain) else plain


def name_key(name: str) -> str:
    """Return what is compared when two names are asked to be the same.

    Only spellings that mean the same legal form by law are folded: 有限责任公司 is 有限公司 (Company Law, art. 7),
    股份公司 is 股份有限公司. A parent (集团有限公司) and its listed subsidiary (集团股份有限公司) stay two firms.

    >>> name_key("贵州黔源电力有限责任公司") == name_key("贵州黔源电力 有限公司")
    True
    >>> name_key("上海汽车集团有限公司") == name_key("上海汽车集团股份有限公司")
    False
    >>> name_key("Tesla,Inc.") == name_key("TESLA, INC")
    True
    """
    plain = tidy(name).casefold()
    plain = plain.replace("有限责任公司", "有限公司").replace("责任有限公司", "有限公司")
    plain = plain.replace("股份公司", "股份有限公司")
    return plain.replace(" ", "") if _HAN.search(plain) else _LATIN_MARKS.sub("", plain) or plain


def counterparty(written: str) -> Named | Undisclosed:
    """Tell whom a disclosure names, or why it names nobody.

    >>> counterparty("供应商 A").reason, counterparty("第一名").reason, counterparty("江苏××医药有限公司").reason
    ('numbered', 'ranked', 'masked')
    >>> counterparty("第一名山东华建铝业集团有限公司").name
    '山东华建铝业集团有限公司'
    >>> counterparty("鸣志电器(603728.SH)").stock_code
    '603728.SH'
    """
    plain = tidy(written)
    reason = _reason(plain)
    if reason:
        return Undisclosed(reason=reason)
    around = _RANK_AROUND_NAME.fullmatch(plain)
    name = around[1] if around else _RANK_BEFORE_NAME.sub("", plain, count=1)
    listed = _STOCK_CODE.fullmatch(name)
    return Named(name=listed["name"], stock_code=listed["code"]) if listed else Named(name=name)


def _reason(plain: str) -> str | None:
    if _NOTHING.fullmatch(plain):
        return "not-disclosed"
    if _TOTAL.fullmatch(plain):
        return "total"
    if _RANKED.fullmatch(plain):
        return "ranked"
    if plain not in _REAL_AND_SHORT and _CODE.fullmatch(plain):
        return "bare-code"
    if _PERSON.fullmatch(plain):
        return "private-person"
    if _MASKED.search(_SPECIAL_TREATMENT.sub("", plain)):
        return "masked"
    if not _RANK_AROUND_NAME.fullmatch(plain) and (_GENERIC.fullmatch(plain) or _NUMBERED.fullmatch(plain)):
        return "numbered"
    return None
