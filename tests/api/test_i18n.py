"""Both languages say everything, and each writes figures, days and countries as its readers do."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from string import Formatter
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from api import i18n
from api.i18n import (
    LOCALES,
    SPOKEN,
    Locale,
    catalogue,
    country,
    day,
    moment,
    money,
    negotiate,
    number,
    say,
    share,
    word,
)
from domain import kinds
from domain.kinds import CapabilityState, ConsortiumState, OpportunityState, Role
from domain.message import Message
from domain.records import Record

ENUMS = [kind for kind in StrEnum.__subclasses__() if kind.__module__ == kinds.__name__]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_catalogues_hold_the_same_sections_codes_and_figures() -> None:
    chinese, english = map(catalogue, LOCALES)

    assert chinese.keys() == english.keys()
    for section, texts in chinese.items():
        assert texts.keys() == english[section].keys(), section
        for code, text in texts.items():
            assert placeholders(text) == placeholders(english[section][code]), (section, code)


def test_no_two_speaking_sections_share_a_code() -> None:
    codes = [code for section in SPOKEN for code in catalogue("zh-CN").get(section, {})]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_form_that_a_text_asks_for_is_a_form_or_a_section(locale: Locale) -> None:
    known = {"", "number", "share", "money", "date", "moment", "country", *catalogue(locale)}
    forms = [
        form
        for texts in catalogue(locale).values()
        for text in texts.values()
        for _, name, form, _ in Formatter().parse(text)
        if name and "|" not in (form or "")
    ]

    assert set(forms) <= known


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_every_value_of_a_closed_set_has_a_name(locale: Locale, kind: type[StrEnum]) -> None:
    named = catalogue(locale)[i18n.section_of(kind)].keys() - {"*"}

    assert named == {str(member) for member in kind}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_state_can_stand_in_a_sentence(locale: Locale) -> None:
    states = {str(state) for kind in ENUMS if kind.__name__.endswith("State") for state in kind}

    assert states <= catalogue(locale)["state"].keys()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_noun_that_the_database_can_name_has_a_word(locale: Locale) -> None:
    assert Record.metadata.tables.keys() <= catalogue(locale)["noun"].keys()


def test_chinese_is_written_with_chinese_punctuation() -> None:
    for section in ("refusal", "problem"):
        for code, text in catalogue("zh-CN")[section].items():
            assert text.endswith("。"), code
            assert not re.search(r"[一-鿿][,;:?!]", text), code


def test_a_state_means_what_its_noun_makes_it_mean() -> None:
    assert word("zh-CN", OpportunityState.CLOSED) == "已截止"
    assert word("zh-CN", ConsortiumState.CLOSED) == "已结项"
    assert word("en", CapabilityState.RETIRED) == "retired"
    assert word("zh-CN", Role.CHAIN_LEADER) == "链主企业"


def test_money_is_written_with_its_currency_and_its_minor_units() -> None:
    assert money("zh-CN", 74_910_000_000, "CNY", compact=True) == "¥7.49亿"
    assert money("zh-CN", 8_620_000_000, "CNY", compact=True) == "¥8620万"
    assert money("en", 74_910_000_000, "USD", compact=True) == "$749.1M"
    assert money("en", 123_456, "USD") == "$1,234.56"
    assert money("en", 123_456, "KWD") == "KWD123.456"
    assert money("zh-CN", 1_500, "JPY") == "JP¥1,500"


def test_shares_numbers_and_days() -> None:
    assert [share("zh-CN", bp) for bp in (10_000, 3_333, 0)] == ["100%", "33.33%", "0%"]
    assert number("en", 1_234_567) == "1,234,567"
    assert number("zh-CN", Decimal("0.25")) == "0.25"
    assert day("zh-CN", date(2027, 3, 1)) == "2027年3月1日"
    assert day("en", date(2027, 3, 1)) == "March 1, 2027"


def test_an_instant_is_told_with_its_offset() -> None:
    instant = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)

    assert moment("zh-CN", instant) == "2027年3月1日 17:30 (GMT+08:00)"
    assert moment("en", instant, ZoneInfo("Asia/Riyadh")) == "Mar 1, 2027, 12:30 (GMT+03:00)"


def test_regions_of_china_are_named_as_such() -> None:
    assert [country("zh-CN", code) for code in ("TW", "HK", "MO", "SA")] == [
        "中国台湾",
        "中国香港",
        "中国澳门",
        "沙特阿拉伯",
    ]
    assert country("en", "TW") == "Taiwan, China"
    assert country("en", "QQ") == "QQ"


@pytest.mark.parametrize(
    ("query", "cookie", "account", "browser", "expected"),
    [
        (None, None, None, None, "zh-CN"),
        ("en", "zh-CN", "zh-CN", "zh", "en"),
        (None, "en", "zh-CN", "zh", "en"),
        (None, None, "en", "zh", "en"),
        (None, None, None, "en-GB,en;q=0.9", "en"),
        (None, None, None, "fr, en;q=0.3, zh-TW;q=0.8", "zh-CN"),
        (None, None, None, "en;q=0, zh;q=0.1", "zh-CN"),
        (None, None, None, "en;q=much", "zh-CN"),
        ("tlh", "", None, ";;;,,q=1", "zh-CN"),
        ("zh_Hans", None, None, "en", "zh-CN"),
    ],
)
def test_the_reader_chooses_the_language(
    query: str | None, cookie: str | None, account: str | None, browser: str | None, expected: Locale
) -> None:
    assert negotiate(query, cookie, account, browser) == expected


class TestSaying:
    def test_one_and_many(self) -> None:
        assert say("en", Message(code="too-many", params={"seconds": 1})).endswith("in 1 second.")
        assert say("en", Message(code="too-many", params={"seconds": 2})).endswith("in 2 seconds.")
        assert say("zh-CN", Message(code="too-many", params={"seconds": 1})).endswith("在 1 秒后重试。")

    def test_a_code_within_a_sentence_is_worded_too(self) -> None:
        message = Message(code="illegal-transition", params={"current": "draft", "wanted": "signed"})

        assert say("en", message) == "The state is “draft”; it cannot become “signed”."

    def test_several_codes_stand_in_one_parameter(self) -> None:
        wording = i18n._Wording("zh-CN", {"possible": "review, withdrawn"})

        assert wording.format("可变更为{possible:state}") == "可变更为审核中、已撤回"

    def test_figures_take_the_form_that_the_text_asks_for(self) -> None:
        figures: dict[str, Any] = {
            "price": 123_400,
            "currency": "CNY",
            "on": "2027-03-01",
            "at": "2027-03-01T00:00:00Z",
        }
        wording = i18n._Wording("zh-CN", {**figures, "part": 2_500, "where": "SA", "n": 1000, "gone": None})

        assert wording.format("{price:money} {on:date} {part:share} {where:country} {n:number} {gone:number}") == (
            "¥1,234.00 2027年3月1日 25% 沙特阿拉伯 1,000 未申报"
        )
        assert wording.format("{at:moment}") == "2027年3月1日 08:00 (GMT+08:00)"

    def test_what_is_missing_or_of_the_wrong_kind_does_not_stop_a_sentence(self) -> None:
        wording = i18n._Wording("zh-CN", {"on": "tomorrow", "n": "many"})

        assert wording.format("{on:date} {n:number} {nobody} {thing:noun}") == "tomorrow many {nobody} 内容"

    def test_a_code_without_words_is_said_as_it_stands(self) -> None:
        assert say("en", Message(code="no-such-code")) == "no-such-code"
        assert not i18n.speaks("en", "no-such-code")

    def test_a_section_can_be_named_before_the_code(self) -> None:
        assert say("zh-CN", Message(code="role.bureau")) == "商务主管部门"


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(min_length=2, max_length=3, pattern="^a")] = "aa"
    whole: Annotated[int, Field(ge=1, le=9, multiple_of=3, strict=True)] = 3
    loose: Annotated[int, Field(gt=1, lt=9)] = 2
    real: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    exact: Annotated[Decimal, Field(max_digits=3, decimal_places=1)] = Decimal(1)
    yes: bool = True
    day: date = date(2027, 1, 1)
    instant: Annotated[datetime, Field()] = datetime(2027, 1, 1, tzinfo=UTC)
    identity: UUID = UUID(int=0)
    role: Role = Role.BUREAU
    items: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    unique: frozenset[int] = frozenset()
    named: dict[str, int] = {}
    needed: int


FAULTY: list[tuple[str, Any]] = [
    ("text", 1), ("text", "a"), ("text", "aaaa"), ("text", "bb"),
    ("whole", "3"), ("whole", 0), ("whole", 12), ("whole", 4), ("whole", True), ("whole", 3.5),
    ("loose", "x"), ("loose", 1), ("loose", 9), ("loose", 2.5), ("loose", []), ("loose", "9" * 5000),
    ("real", "x"), ("real", []), ("real", "inf"),
    ("exact", "x"), ("exact", []), ("exact", "1234"), ("exact", "1.23"),
    ("yes", "perhaps"), ("yes", []),
    ("day", "soon"), ("day", []), ("day", "2027-01-01T10:00:00"),
    ("instant", "soon"), ("instant", []), ("instant", "2027-13-01"),
    ("identity", "x"), ("identity", 1),
    ("role", "king"),
    ("items", 1), ("items", []), ("items", [1, 2, 3]),
    ("unique", 1), ("named", 1), ("named", {"a": "x"}), ("unknown", 1),
]  # fmt: skip
OWN: list[tuple[Any, str, str]] = [
    (kinds.Name, "a\u200bb", "unprintable"),
    (kinds.CreditCode, "91440300MA5DA1234X", "credit-code"),
    (kinds.Country, "ZZ", "country"),
    (kinds.Currency, "ZZZ", "currency"),
]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("name", "value"), FAULTY)
def test_every_fault_of_a_field_has_a_sentence(locale: Locale, name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate({"needed": 1, name: value})

    for error in caught.value.errors():
        assert i18n.speaks(locale, error["type"], section="field"), error["type"]
        told = say(locale, Message(code=error["type"], params=error.get("ctx", {})), section="field")
        assert "{" not in told


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("kind", "text", "code"), OWN, ids=[code for *_, code in OWN])
def test_every_rule_of_our_own_has_a_sentence(locale: Locale, kind: Any, text: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(text)

    (error,) = caught.value.errors()
    assert error["type"] == code
    assert "{" not in say(locale, Message(code=code, params=error["ctx"]), section="field")
