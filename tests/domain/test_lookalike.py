"""Firms whose names look alike are noticed, and firms whose names do not are left alone (P35)."""

import random
from itertools import product

import pytest

from domain.lookalike import HAN, TRADITIONAL, alike, mixes_scripts, skeleton

CYRILLIC = {"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "x": "х", "y": "у"}
WORDS = ("pacexo", "eocapy", "xopace", "copexa", "oxacep")
HAN_NAMES = ("未来", "己任", "广厦大业", "土木", "东方电机", "华龙钢铁", "宁达线缆", "远达运输", "锦铝", "微科")


def full_width(name: str) -> str:
    """Return a name in full-width letters."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in name)


@pytest.mark.parametrize(("word", "letter"), list(product(WORDS, CYRILLIC)))
def test_p35_a_letter_of_another_script_is_noticed(word: str, letter: str) -> None:
    if letter not in word:
        word += letter
    disguised = word.replace(letter, CYRILLIC[letter])

    assert mixes_scripts(disguised)
    assert skeleton(disguised) == skeleton(word)


def test_p35_two_hundred_pairs_are_queued() -> None:
    swaps = [(chr(a), chr(b)) for table in (HAN, TRADITIONAL) for a, b in table.items() if a != b]
    chance = random.Random(35)
    pairs = []
    for number in range(200):
        one, other = swaps[number % len(swaps)]
        name = chance.choice(HAN_NAMES) + other + "科技有限公司"
        pairs.append((name, name.replace(other, one, 1)))

    assert all(alike(name, [other]) == (other,) for name, other in pairs if name != other)
    assert sum(name != other for name, other in pairs) >= 190


@pytest.mark.parametrize("word", WORDS)
def test_p35_full_width_letters_are_the_same_name(word: str) -> None:
    assert alike(word, [full_width(word)]) == (full_width(word),)


def test_p35_other_names_are_left_alone() -> None:
    assert alike("岭南变流设备有限公司", ["岭南变压器有限公司", "岭北变流设备有限公司"]) == ()
    assert not mixes_scripts("上海ABC电机（集团）")
