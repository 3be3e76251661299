"""What the law asks before a signature: stops refuse it, a warning waits until a named person has acknowledged it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.i18n import BEIJING
from api.outbox import record
from api.queries import compliance as reading
from api.queries import consortia, visible
from api.wire.compliance import AcknowledgementIn
from domain.actor import Actor
from domain.errors import NotAllowed, RuleBroken
from domain.records import ComplianceAcknowledgement, Consortium


class ComplianceStop(RuleBroken):
    """A rule of law forbids it as things stand, and no acknowledgement can lift that."""

    code = "compliance-stop"


class AcknowledgementMissing(RuleBroken):
    """Warnings have to be acknowledged by name before anybody signs."""

    code = "acknowledgement-missing"


class NothingToAcknowledge(RuleBroken):
    """No finding of this rule is open."""

    code = "nothing-to-acknowledge"


async def require_clear(session: AsyncSession, actor: Actor, consortium: Consortium) -> None:
    """Refuse the signature when a stop stands in its way or a warning has not been acknowledged.

    What cannot be told, and what need not be met before the signature, refuses nothing.

    Raises ComplianceStop, AcknowledgementMissing.
    """
    found = (await reading.compliance(session, actor, consortium.id)).standing
    stops = sorted({each.rule_id for each in found if each.stops})
    if stops:
        raise ComplianceStop(rule=", ".join(stops))
    waiting = sorted({each.rule_id for each in found if each.waits})
    if waiting:
        raise AcknowledgementMissing(rules=", ".join(waiting))


async def acknowledge(session: AsyncSession, actor: Actor, identity: UUID, given: AcknowledgementIn) -> Consortium:
    """State by name, as chain leader, that the open findings of one rule are known or its document is at hand.

    It counts for the wording of the rule that found it and for the firms and packages it was found about.

    Raises NotFound, NotAllowed, NothingToAcknowledge, and ComplianceStop for what only a change can cure.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    if row.organisation_id != actor.organisation_id or actor.user_id is None:
        raise NotAllowed(needed="owner")
    found = (await reading.compliance(session, actor, row.id)).standing
    waiting = [each for each in found if each.rule_id == given.rule_id and each.open]
    if not waiting:
        raise NothingToAcknowledge(rule=given.rule_id)
    if any(each.stops and not each.by_statement for each in waiting):
        raise ComplianceStop(rule=given.rule_id)
    today = (await consortia.clock(session)).astimezone(BEIJING).date()
    for each in waiting:
        session.add(
            ComplianceAcknowledgement(
                consortium_id=row.id,
                rule_id=each.rule_id,
                rule_since=each.rule.since,
                pack=each.pack,
                pack_version=each.version,
                subject=each.subject,
                stated_on=today,
                organisation_id=actor.organisation_id,
                user_id=actor.user_id,
                note=given.note,
            )
        )
    await session.flush()
    await record(session, actor, "compliance.acknowledged", row.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, audience=[row.organisation_id], name=row.name, rule=given.rule_id)  # fmt: skip
    return row
