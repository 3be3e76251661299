"""What an agreement says follows from its body, and from nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.agreement import digest
from coalitions.clauses import (
    NEWEST,
    BadChoice,
    Choices,
    Draft,
    Forum,
    Holder,
    Liability,
    Performance,
    Prevailing,
    Results,
    compose,
    parts_of_one,
)
from domain.message import Message
from tests.strategies_agreements import bodies

SOME: dict[str, Any] = {
    "format": "lianzhou-agreement/1",
    "edition": 1,
    "project": {
        "title": "储能电站", "country": "ID", "currency": "CNY", "starts": "2027-06-01", "ends": "2028-07-31",
        "edition": 2,
    },
    "performance": "divided",
    "liability": "joint_and_several",
    "members": [
        {
            "name": name, "credit_code": code, "lead": name == "甲", "terms_edition": 1, "share": 5_000, "value": 900,
            "work": [{"package": "WP1", "name": "电芯", "units": 3, "unit": "SET", "share": 5_000, "unit_price": None,
                      "value": 900}],
        }
        for name, code in (("甲", "91999999MA00000011"), ("乙", None))
    ],
}  # fmt: skip


def changed(**over: Any) -> dict[str, Any]:
    return {**SOME, **over}


def said(draft: Draft) -> Iterator[Message]:
    """Give everything a draft says outside its tables."""
    yield from draft.preamble
    for part in (*draft.articles, *draft.annexes):
        yield from part.paragraphs


def codes(body: dict[str, Any]) -> set[str]:
    return {message.code for message in said(compose(body))}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every single figure and word of a body."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        yield path
    else:
        for key, child in children:
            yield from leaves(child, (*path, key))


def altered(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a body in which what stands at `path` is another."""
    if not path:
        return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}."
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        return value | {head: altered(value[head], rest)}
    return [altered(child, rest) if at == head else child for at, child in enumerate(value)]


@given(bodies())
def test_the_shares_of_members_and_of_each_package_sum_to_exactly_one_hundred_per_cent(body: dict[str, Any]) -> None:
    articles = {article.code: article.table for article in compose(body).articles}
    shares, work = articles["shares"], articles["work"]

    assert shares
    assert work
    assert sum(int(str(row[-1].params["share"])) for row in shares.rows[:-1]) == 10_000
    assert shares.rows[-1][-1].params == {"share": 10_000}
    for package in {row[0].params["text"] for row in work.rows}:
        parts = [int(str(row[4].params["share"])) for row in work.rows if row[0].params["text"] == package]
        assert sum(parts) == 10_000


@given(bodies(), st.data())
def test_one_figure_or_word_changed_makes_another_hash(body: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(leaves(body))))

    assert digest(altered(body, path)) != digest(body)


@given(bodies())
def test_the_same_body_says_the_same(body: dict[str, Any]) -> None:
    assert compose(body) == compose(dict(reversed(body.items())))


@given(bodies())
def test_every_line_of_work_stands_in_the_division_of_work_once(body: dict[str, Any]) -> None:
    table = next(article.table for article in compose(body).articles if article.code == "work")

    assert table
    told = sorted((row[0].params["text"], row[2].params["text"], row[3].params["units"]) for row in table.rows)
    assert told == sorted(
        (work["package"], member["name"], work["units"]) for member in body["members"] for work in member["work"]
    )


@pytest.mark.parametrize("performance", Performance)
@pytest.mark.parametrize("liability", Liability)
def test_who_performs_and_who_answers_is_said_as_the_body_has_it(
    performance: Performance, liability: Liability
) -> None:
    found = codes(changed(performance=str(performance), liability=str(liability)))

    assert {code for code in found if code in {f"work-{each}" for each in Performance}} == {f"work-{performance}"}
    assert {code for code in found if code in {f"liability-{each}" for each in Liability}} == {f"liability-{liability}"}


@pytest.mark.parametrize("forum", Forum)
@pytest.mark.parametrize("holder", Holder)
@pytest.mark.parametrize("prevailing", Prevailing)
def test_what_members_chose_is_what_the_agreement_says(forum: Forum, holder: Holder, prevailing: Prevailing) -> None:
    choices = Choices(edition=NEWEST, forum=forum, security=holder, payment=holder, prevailing=prevailing, exit_days=45)

    found = codes(changed(clauses=choices.data()))

    assert {f"disputes-{forum}", f"security-{holder}", f"payment-{holder}", f"form-{prevailing}"} <= found
    assert next(m for m in said(compose(changed(clauses=choices.data()))) if m.code == "exit-before").params[
        "exit_days"
    ] == 45  # fmt: skip


@pytest.mark.parametrize(
    ("results", "said_so"),
    [
        (Results.CREATOR, "property-results"),
        (Results.SHARED, "property-results-shared"),
        (Results.LEAD, "property-results-lead"),
    ],
)
def test_whose_the_results_are_is_said_as_it_was_chosen(results: Results, said_so: str) -> None:
    found = codes(changed(clauses=Choices(edition=NEWEST, results=results).data()))

    assert {code for code in found if code.startswith("property-results")} == {said_so}


def test_the_newest_library_says_what_a_signature_on_the_platform_is() -> None:
    assert "form-signature" in codes(changed(clauses=Choices(edition=NEWEST).data()))
    assert "form-signature" not in codes(SOME)


@pytest.mark.parametrize("clauses", [{"results": "lead"}, {"forum": "siac"}])
def test_what_came_with_the_second_library_is_no_choice_of_the_first(clauses: dict[str, Any]) -> None:
    assert compose(changed(clauses={**clauses, "edition": NEWEST})).edition == NEWEST
    with pytest.raises(BadChoice, match="edition 1"):
        compose(changed(clauses=clauses))


def test_a_library_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(BadChoice, match="edition"):
        compose(changed(clauses={"edition": "9"}))


def test_a_body_without_choices_is_read_with_those_of_the_first_library() -> None:
    assert compose(SOME) == compose(changed(clauses=Choices().data()))
    assert compose(SOME).edition == "1"


@pytest.mark.parametrize(
    "clauses",
    [{"colour": "red"}, {"forum": "oracle"}, {"exit_days": "30"}, {"exit_days": 0}, {"exit_days": True}, {"law": 1}],
)
def test_a_choice_that_the_library_does_not_have_is_refused_by_name(clauses: dict[str, Any]) -> None:
    with pytest.raises(BadChoice, match=f"clauses.*{next(iter(clauses))}"):
        compose(changed(clauses=clauses))


@pytest.mark.parametrize("mode", ["performance", "liability"])
def test_a_mode_that_nobody_knows_is_refused_by_name(mode: str) -> None:
    with pytest.raises(BadChoice, match=mode):
        compose(changed(**{mode: "somehow"}))


def test_the_authority_is_given_by_everyone_but_the_lead() -> None:
    (letter,) = compose(SOME).annexes

    assert letter.table
    assert [row[0].params["text"] for row in letter.table.rows] == ["乙"]
    assert letter.paragraphs[0].code == "authority-who"


def test_a_lead_from_abroad_is_named_without_a_credit_code() -> None:
    turned = [{**member, "lead": not member["lead"]} for member in SOME["members"]]

    (letter,) = compose(changed(members=turned)).annexes

    assert letter.paragraphs[0].code == "authority-who-uncoded"


def test_everything_an_agreement_must_hold_is_in_it() -> None:
    """Members with their credit codes, the lead and its letter, the split, shares of exactly the whole, the rest."""
    draft = compose(changed(clauses=Choices(edition=NEWEST).data()))
    said_of = {
        article.code: {each.code for each in article.paragraphs} for article in (*draft.articles, *draft.annexes)
    }
    tables = {article.code: article.table for article in draft.articles if article.table}

    assert [column.code for column in tables["parties"].columns][1:4] == ["name", "credit-code", "role"]
    assert {row[2].params.get("text") for row in tables["parties"].rows} == {m["credit_code"] for m in SOME["members"]}
    assert "lead-who" in said_of["lead"]
    assert "authority-what" in said_of["authority"]
    assert [row[2].params["text"] for row in tables["work"].rows] == ["甲", "乙"]
    assert tables["shares"].rows[-1][2].params["share"] == 10_000
    assert "work-divided" in said_of["work"]
    assert "liability-joint_and_several" in said_of["liability"]
    assert "security-lead" in said_of["security"]
    assert {"exit-before", "exit-after", "exit-replacement"} <= said_of["exit"]
    assert "property-results" in said_of["property"]
    assert {"disputes-law", "disputes-cietac"} <= said_of["disputes"]


def test_a_part_of_a_package_follows_from_its_units() -> None:
    assert parts_of_one([2, 1]) == (6_667, 3_333)
