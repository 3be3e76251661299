"""What a consortium agreement says: which clauses, in which order, with which figures; the words stand elsewhere.

A body that was frozen (``coalitions.agreement``) goes in, a draft of articles, tables and annexes comes out. Everything
in it is a code with parameters, so that one draft is worded in any language, and two languages never disagree about a
figure. Nothing but the body decides what the draft says: whoever signs the body's hash signs the words as well. That is
why a library of clauses has an edition, and why an edition that has been published is never reworded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from itertools import groupby
from typing import Any, Self

from coalitions.shares import by_largest_remainder
from domain.kinds import BASIS_POINTS
from domain.message import Message

EDITION = "1"
"""The library that bodies without a choice of their own are read with."""
NEWEST = "2"
"""The library that new agreements are made with."""


class Performance(StrEnum):
    """Who performs: each its own part, all the whole together, or together where several share one package."""

    DIVIDED = "divided"
    JOINT = "joint"
    MIXED = "mixed"


class Liability(StrEnum):
    """Who answers to the owner: everyone for the whole, or each for its own part."""

    JOINT_AND_SEVERAL = "joint_and_several"
    SEVERAL = "several"


class Holder(StrEnum):
    """Who furnishes the bid security and the bonds, or receives the owner's payments."""

    LEAD = "lead"
    EACH = "each"


class Forum(StrEnum):
    """Who decides disputes, and where: an arbitral institution at its seat, or the court where the lead has its own."""

    CIETAC = "cietac"
    SCIA = "scia"
    HKIAC = "hkiac"
    SIAC = "siac"
    COURT = "court"


class Results(StrEnum):
    """Whose the results of the project are: their creator's, all members' by share, or the lead's."""

    CREATOR = "creator"
    SHARED = "shared"
    LEAD = "lead"


class Prevailing(StrEnum):
    """Which of two texts counts where they differ."""

    ZH = "zh"
    EN = "en"


class BadChoice(ValueError):
    """A body chooses a clause that the library does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the members may choose about their agreement beyond work, shares and liability.

    >>> Choices.of({"clauses": {"edition": "1", "forum": "scia"}}).forum.value
    'scia'
    """

    edition: str = EDITION
    law: str = "CN"
    forum: Forum = Forum.CIETAC
    prevailing: Prevailing = Prevailing.ZH
    security: Holder = Holder.LEAD
    payment: Holder = Holder.LEAD
    results: Results = Results.CREATOR
    exit_days: int = 30
    cure_days: int = 15
    payment_days: int = 10
    confidential_years: int = 3

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Return what a body chooses; one that says nothing chooses what stands here.

        Raises BadChoice for a name or a value that is none.
        """
        given = dict(body.get("clauses", {}))
        kinds = {field.name: type(field.default) for field in fields(cls)}
        unknown = sorted(given.keys() - kinds.keys())
        if unknown:
            raise BadChoice(f"clauses: {', '.join(unknown)}")
        found = cls(**{name: _chosen(name, kinds[name], value) for name, value in given.items()})
        if found.edition not in (EDITION, NEWEST):
            raise BadChoice(f"clauses.edition: {found.edition!r}")
        if found.edition == EDITION and (found.results is not Results.CREATOR or found.forum is Forum.SIAC):
            raise BadChoice("clauses: not in edition 1")
        return found

    def data(self) -> dict[str, Any]:
        """Return the choices as the ``clauses`` of a body.

        >>> Choices.of({"clauses": Choices(exit_days=60).data()}) == Choices(exit_days=60)
        True
        """
        return {name: str(value) if isinstance(value, StrEnum) else value for name, value in asdict(self).items()}


def _chosen(name: str, kind: Any, value: Any) -> Any:
    try:
        chosen = kind(value) if issubclass(kind, StrEnum) else value
    except ValueError as error:
        raise BadChoice(f"clauses.{name}: {value!r}") from error
    if type(chosen) is not kind or (kind is int and chosen < 1):
        raise BadChoice(f"clauses.{name}: {value!r}")
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures in rows under headings; the last row is a sum when `summed`."""

    columns: tuple[Message, ...]
    rows: tuple[tuple[Message, ...], ...]
    summed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article: the code of its heading, its paragraphs, and the table that belongs to it."""

    code: str
    paragraphs: tuple[Message, ...]
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """One member as the signature block names it."""

    name: str
    credit_code: str | None
    lead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An agreement, said but not yet worded."""

    edition: str
    number: int
    title: Message
    preamble: tuple[Message, ...]
    articles: tuple[Article, ...]
    annexes: tuple[Article, ...]
    signatories: tuple[Signatory, ...]


def compose(body: Mapping[str, Any]) -> Draft:
    """Return the agreement that a body of ``lianzhou-agreement/1`` amounts to.

    The order is that of a joint-bid agreement under Chinese law (招标投标法 art. 31; 七部委令第30号 art. 44 on the
    lead and its authority, art. 45 on a security that binds all), followed by what members need among themselves.

    Raises BadChoice when the body chooses what the library does not have.

    >>> work = {"package": "WP1", "name": "Cells", "units": 3, "unit": "SET", "share": 10000, "unit_price": None,
    ...         "value": 900}
    >>> member = {"name": "A", "credit_code": None, "lead": True, "terms_edition": 1, "share": 10000, "value": 900}
    >>> project = {"title": "P", "country": "ID", "currency": "CNY", "starts": "2027-06-01", "ends": "2028-07-31",
    ...            "edition": 1}
    >>> draft = compose({"edition": 1, "project": project, "performance": "divided", "liability": "joint_and_several",
    ...                  "members": [member | {"work": [work]}]})
    >>> draft.articles[3].code, draft.articles[3].paragraphs[0].code
    ('work', 'work-divided')
    """
    choices = Choices.of(body)
    performance, liability = _mode(Performance, body["performance"]), _mode(Liability, body["liability"])
    lead = next(member["name"] for member in body["members"] if member["lead"])
    about = {
        **choices.data(),
        **body["project"],
        "library": choices.edition,
        "project_edition": body["project"]["edition"],
        "number": body["edition"],
        "lead": lead,
        "members": len(body["members"]),
    }
    return Draft(
        edition=choices.edition,
        number=body["edition"],
        title=Message(code="title", params={"title": about["title"]}),
        preamble=(Message(code="preamble", params=about),),
        articles=_articles(body, choices, performance, liability, about),
        annexes=(_authority(body, about), *_particulars(body)),
        signatories=tuple(
            Signatory(name=member["name"], credit_code=member["credit_code"], lead=member["lead"])
            for member in body["members"]
        ),
    )


def _mode(kind: type[StrEnum], value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError as error:
        raise BadChoice(f"{kind.__name__.lower()}: {value!r}") from error


def _articles(
    body: Mapping[str, Any], choices: Choices, performance: StrEnum, liability: StrEnum, about: Mapping[str, Any]
) -> tuple[Article, ...]:
    def article(name: str, *codes: str, table: Table | None = None) -> Article:
        return Article(code=name, paragraphs=tuple(Message(code=code, params=about) for code in codes), table=table)

    return (
        article("parties", "parties-who", "parties-nature", table=_parties(body)),
        article("project", "project-what", "project-one"),
        article("lead", "lead-who", "lead-may", "lead-limits"),
        article("work", f"work-{performance}", "work-coordination", "work-values", table=_split(body)),
        article("shares", "shares-what", "shares-use", table=_shares(body)),
        article("liability", f"liability-{liability}", "liability-within", "liability-fault"),
        article("security", f"security-{choices.security}", "security-within"),
        article("payment", f"payment-{choices.payment}", "payment-accounts"),
        article("decisions", "decisions-unanimous", "decisions-majority"),
        article("default", "default-cure", "default-step-in"),
        article("exit", "exit-before", "exit-after", "exit-replacement", "exit-again"),
        article("property", "property-background", _results(choices), "property-licence"),
        article("confidentiality", "confidentiality-duty", "confidentiality-term"),
        article("compliance", "compliance-filings", "compliance-trade", "compliance-integrity"),
        article("force", "force-majeure"),
        article("term", "term-begin", "term-end"),
        article("disputes", "disputes-law", f"disputes-{choices.forum}", "disputes-meanwhile"),
        article("form", "form-change", "form-hash", *_signature(choices), f"form-{choices.prevailing}"),
    )


def _results(choices: Choices) -> str:
    return "property-results" if choices.results is Results.CREATOR else f"property-results-{choices.results}"


def _signature(choices: Choices) -> tuple[str, ...]:
    """Return what is said about signatures on the platform; the first library said nothing."""
    return () if choices.edition == EDITION else ("form-signature",)


def text(value: str) -> Message:
    """Return a cell that says `value` in every language.

    >>> text("WP1").params["text"]
    'WP1'
    """
    return Message(code="text", params={"text": value})


def _code(credit_code: str | None) -> Message:
    return Message(code="no-code") if credit_code is None else text(credit_code)


def _columns(*codes: str, currency: str = "") -> tuple[Message, ...]:
    return tuple(Message(code=code, params={"currency": currency}) for code in codes)


def _money(value: int, currency: str) -> Message:
    return Message(code="money", params={"value": value, "currency": currency})


def _share(points: int) -> Message:
    return Message(code="share", params={"share": points})


def _parties(body: Mapping[str, Any]) -> Table:
    return Table(
        columns=_columns("number", "name", "credit-code", "role", "terms"),
        rows=tuple(
            (
                text(str(number)),
                text(member["name"]),
                _code(member["credit_code"]),
                Message(code="role-lead" if member["lead"] else "role-member"),
                Message(code="edition", params={"number": member["terms_edition"]}),
            )
            for number, member in enumerate(body["members"], 1)
        ),
    )


def _split(body: Mapping[str, Any]) -> Table:
    """Return who does what, package by package."""
    currency = body["project"]["currency"]
    parts = [(work, member["name"]) for member in body["members"] for work in member["work"]]
    parts.sort(key=lambda part: str(part[0]["package"]))
    rows = []
    for _, group in groupby(parts, key=lambda part: part[0]["package"]):
        several = tuple(group)
        points = parts_of_one([work["units"] for work, _ in several])
        rows += [_part(work, name, share, currency) for (work, name), share in zip(several, points, strict=True)]
    columns = ("package", "name", "member", "units", "share-package", "unit-price", "value")
    return Table(columns=_columns(*columns, currency=currency), rows=tuple(rows))


def _part(work: Mapping[str, Any], name: str, share: int, currency: str) -> tuple[Message, ...]:
    price = work["unit_price"]
    return (
        text(work["package"]),
        text(work["name"]),
        text(name),
        Message(code="units", params={"units": work["units"], "unit": work["unit"]}),
        _share(share),
        Message(code="no-price") if price is None else _money(price, currency),
        _money(work["value"], currency),
    )


def parts_of_one(units: Sequence[int]) -> tuple[int, ...]:
    """Return what part of one package each number of units is, in basis points that sum to exactly 10000.

    >>> parts_of_one([1, 1, 1])
    (3334, 3333, 3333)
    """
    divided = by_largest_remainder(dict(enumerate(units)), BASIS_POINTS)
    return tuple(divided.values())


def _shares(body: Mapping[str, Any]) -> Table:
    currency = body["project"]["currency"]
    members = body["members"]
    rows = [(text(member["name"]), _money(member["value"], currency), _share(member["share"])) for member in members]
    whole = (
        Message(code="sum"),
        _money(sum(member["value"] for member in members), currency),
        _share(sum(member["share"] for member in members)),
    )
    return Table(columns=_columns("member", "value", "share", currency=currency), rows=(*rows, whole), summed=True)


def _particulars(body: Mapping[str, Any]) -> tuple[Article, ...]:
    """Return the annex of what single members agreed beside work and price, if any did."""
    rows = [row for member in body["members"] for row in _agreed_by(member)]
    if not rows:
        return ()
    return (
        Article(
            code="particulars",
            paragraphs=(Message(code="particulars-prevail"),),
            table=Table(columns=_columns("member", "subject", "agreed"), rows=tuple(rows)),
        ),
    )


def _agreed_by(member: Mapping[str, Any]) -> Iterator[tuple[Message, ...]]:
    name, agreed = text(member["name"]), member.get("particulars", {})
    for line in agreed.get("delivery", ()):
        for key in ("starts", "ends", "lead_days"):
            if line[key] is not None:
                yield name, text(line["package"]), Message(code=f"agreed-{key}", params={"value": line[key]})
    if "payment" in agreed:
        yield name, Message(code="subject-payment"), Message(code="agreed-payment", params=agreed["payment"])
    for clause in agreed.get("clauses", ()):
        yield name, Message(code=f"subject-{clause['clause']}"), text(clause["wording"])


def _authority(body: Mapping[str, Any], about: Mapping[str, Any]) -> Article:
    """Return the letter by which every other member lets the lead act (七部委令第30号 art. 44: 授权委托书)."""
    lead = next(member for member in body["members"] if member["lead"])
    others = [member for member in body["members"] if not member["lead"]]
    who = "authority-who" if lead["credit_code"] else "authority-who-uncoded"
    known = {**about, "lead_code": lead["credit_code"]}
    codes = (who, "authority-what", "authority-limits", "authority-term")
    return Article(
        code="authority",
        paragraphs=tuple(Message(code=each, params=known) for each in codes),
        table=Table(
            columns=_columns("name", "credit-code", "representative", "seal"),
            rows=tuple(
                (text(member["name"]), _code(member["credit_code"]), Message(code="blank"), Message(code="blank"))
                for member in others
            ),
        ),
    )
