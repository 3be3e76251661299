"""Names that look alike: what a reader takes for the same, and names no reader can tell by looking.

After UTS 39: a *skeleton* is what is left of a name once everything that looks alike is written alike; a name *mixes
scripts* where Latin stands beside Cyrillic or Greek in one word. Han characters that are taken for each other, and the
traditional forms most common in names of firms, are a list of our own, since the Unicode data has none of them.
"""

import re
import unicodedata
from collections.abc import Iterable

LETTERS = str.maketrans(
    "аеорсухіјѕԁһпкмтвгАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοινρυ01|lI",
    "aeopcyxijsdhnkmtbrABEKMHOPCTXIJSABEZHIKMNOPTYXaoivpuollll",
)
HAN = str.maketrans(
    "未己巳曰戊戌戍人八士干于囗冶大太天夭卖买徽微科料晴睛拔抜",
    "末已已日戊戊戊入入土千千口治大大夭夭买买微微科科晴晴拔拔",
)
TRADITIONAL = str.maketrans(
    "東業電機車長門風龍馬國際實華興發達鋼鐵線纜聯運遠萬億錦銀銅鋁銷飛陽陰變壓設備貿製廣寧蘇無錫雲嶺嵐衛",
    "东业电机车长门风龙马国际实华兴发达钢铁线缆联运远万亿锦银铜铝销飞阳阴变压设备贸制广宁苏无锡云岭岚卫",
)
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")
NOTHING = re.compile(r"[\s\W_]+")


def skeleton(name: str) -> str:
    """Return what is left of `name` once everything that looks alike is written alike.

    >>> skeleton("ＡBC 电机") == skeleton("АBC電機"), skeleton("末来科技") == skeleton("未来科技")
    (True, True)
    """
    plain = unicodedata.normalize("NFKC", name).translate(TRADITIONAL).translate(HAN).translate(LETTERS)
    return NOTHING.sub("", plain).casefold()


def mixes_scripts(name: str) -> bool:
    """Tell whether one word of `name` has letters of several of the scripts that look alike.

    >>> mixes_scripts("Pаypal"), mixes_scripts("ABC电机"), mixes_scripts("Газпром ABC")
    (True, False, False)
    """
    return any(len(_scripts(word)) > 1 for word in re.findall(r"\w+", unicodedata.normalize("NFKC", name)))


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(character, "").partition(" ")[0] for character in word)
    return {name for name in names if name in SCRIPTS}


def alike(name: str, others: Iterable[str]) -> tuple[str, ...]:
    """Return those of `others` that look like `name` and are written otherwise.

    >>> alike("未来科技", ["末来科技", "未来科技", "将来科技"])
    ('末来科技',)
    """
    wanted = skeleton(name)
    return tuple(other for other in others if other != name and skeleton(other) == wanted)
