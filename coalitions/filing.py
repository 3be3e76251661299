"""Filings and licences that the law asks of a signed consortium: who must hand in what, by when, before which step."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from coalitions.compliance import Facts, Finding, Member
from coalitions.matching import Outcome
from domain.kinds import FilingState
from domain.law import Filer, Severity, Stage

ASKED = frozenset({Severity.FILING, Severity.LICENCE})
UNDECIDED = frozenset({FilingState.OPEN, FilingState.SUBMITTED, FilingState.RETURNED})
"""States in which a filing still holds up the step it must come before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One filing to be made: the wording of the rule that asks for it, about what, by whom, before which stage."""

    pack: str
    version: str
    rule_id: str
    since: date
    subject: str
    organisation_id: UUID
    before: Stage


def duties(found: Iterable[Finding], facts: Facts) -> tuple[Duty, ...]:
    """Return the filings and licences that findings ask for, each of the member whose task it is.

    Only what is established and not met asks for one: what cannot be told, or is unconfirmed, asks for none. A rule
    that is met within the filing of another, which is to be made, asks for none of its own.
    """
    asking = [each for each in found if each.severity in ASKED and each.outcome is Outcome.FAIL]
    named = {each.rule_id for each in asking}
    return tuple(
        Duty(
            pack=each.pack,
            version=each.version,
            rule_id=each.rule_id,
            since=each.rule.since,
            subject=each.subject,
            organisation_id=member.id,
            before=each.rule.before,
        )
        for each in asking
        if each.rule.filing is not None and each.rule.filing.within not in named
        for member in _filers(each, each.rule.filing.who, facts)
    )


def _filers(finding: Finding, who: Filer, facts: Facts) -> Iterator[Member]:
    """Yield whose task it is: the lead's for all, or theirs whom the finding is about or whose package it is."""
    for member in facts.members:
        concerned = member.id in finding.about or bool(member.units.get(finding.subject))
        if member.lead if who is Filer.LEAD else concerned:
            yield member


def due_on(before: Stage, *, deadline: date, starts: date) -> date:
    """Return by which day a filing must be decided: the bid's last day, or the day on which work begins.

    >>> due_on(Stage.WORK, deadline=date(2027, 3, 1), starts=date(2027, 9, 1))
    datetime.date(2027, 9, 1)
    """
    return starts if before is Stage.WORK else deadline


def before_bid(before: Stage) -> bool:
    """Tell whether the law asks for it before the bid; what it asks before work begins does not hold the bid up.

    >>> before_bid(Stage.SIGNATURE), before_bid(Stage.WORK)
    (True, False)
    """
    return before is not Stage.WORK
