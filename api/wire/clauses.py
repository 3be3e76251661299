"""What goes over the wire about the clauses of an agreement: what is chosen, and how it reads."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field

from api.papers.wording import Sheet, joined
from api.wire.base import Wire
from coalitions.clauses import NEWEST, Choices, Forum, Holder, Liability, Performance, Prevailing, Results
from domain.kinds import Country
from domain.records import Consortium

SpanOfDays = Annotated[int, Field(ge=1, le=365, strict=True)]


class ClausesIn(Wire):
    """What the leader chooses among the clauses of our own library, before the members are asked.

    `law` is the country whose law governs; `forum` decides seat and rules of disputes; `results` whose the project's
    intellectual property is; `exit_days` and `cure_days` are notice and remedy before a member leaves or is replaced.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "performance": "mixed",
                    "liability": "joint_and_several",
                    "security": "lead",
                    "payment": "each",
                    "results": "shared",
                    "law": "CN",
                    "forum": "hkiac",
                    "prevailing": "zh",
                    "exit_days": 30,
                    "cure_days": 15,
                    "payment_days": 10,
                    "confidential_years": 3,
                }
            ]
        }
    )

    performance: Performance = Performance.DIVIDED
    liability: Liability = Liability.JOINT_AND_SEVERAL
    security: Holder = Holder.LEAD
    payment: Holder = Holder.LEAD
    results: Results = Results.CREATOR
    law: Country = "CN"
    forum: Forum = Forum.CIETAC
    prevailing: Prevailing = Prevailing.ZH
    exit_days: SpanOfDays = 30
    cure_days: SpanOfDays = 15
    payment_days: SpanOfDays = 10
    confidential_years: Annotated[int, Field(ge=1, le=30, strict=True)] = 3

    @property
    def choices(self) -> Choices:
        """What of it stands in the body's ``clauses``; performance and liability stand beside them."""
        return Choices(edition=NEWEST, **self.model_dump(exclude={"edition", "performance", "liability"}))


class ClausesOut(ClausesIn):
    """What is chosen now, and by which edition of the library it is worded."""

    edition: str

    @classmethod
    def from_row(cls, row: Consortium) -> Self:
        """Show what a consortium has chosen."""
        choices = Choices.of({"clauses": row.clauses})
        return cls(performance=Performance(row.performance), liability=Liability(row.liability), **choices.data())

    @classmethod
    def example(cls) -> dict[str, object] | None:
        """Return the example of the choice, with its edition."""
        chosen = ClausesIn.example()
        return chosen and chosen | {"edition": NEWEST}


class ArticleOut(Wire):
    """One article in words, its tables left out: they hold what members ask for their work."""

    heading: str
    paragraphs: tuple[str, ...]


class DraftOut(Wire):
    """How the agreement would read."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "联合体协议：中爪哇储能电站", "articles": [{"heading": "知识产权", "paragraphs": ["……"]}]}
            ]
        }
    )

    title: str
    articles: tuple[ArticleOut, ...]

    @classmethod
    def from_sheet(cls, sheet: Sheet) -> Self:
        """Show the articles of a sheet, a paragraph in each of its languages."""
        return cls(
            title=joined(sheet.title),
            articles=tuple(
                ArticleOut(
                    heading=joined(section.heading),
                    paragraphs=tuple(joined(paragraph, "\n") for paragraph in section.paragraphs),
                )
                for section in sheet.articles
            ),
        )
