"""What an actor may see: every kind of reader against every state of what there is to read."""

from itertools import product
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import events, history, organisations, visible
from api.queries.page import page
from domain.actor import Actor
from domain.errors import Invalid, NotAllowed, NotFound
from domain.kinds import MembershipState, OpportunityState, Role, Visibility
from domain.records import Opportunity
from tests.factories import (
    actor_of,
    make_capability,
    make_certificate,
    make_consortium,
    make_job,
    make_link,
    make_membership,
    make_opportunity,
    make_organisation,
    make_promise,
)

LIVE = (OpportunityState.PUBLISHED, OpportunityState.CLOSED)


async def seen(session: AsyncSession, actor: Actor, identity: UUID) -> bool:
    try:
        await visible.opportunity(session, actor, identity)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize(("state", "reach"), list(product(OpportunityState, Visibility)))
async def test_who_sees_an_opportunity(session: AsyncSession, state: OpportunityState, reach: Visibility) -> None:
    owner = await make_organisation(session, Role.CHAIN_LEADER)
    row = await make_opportunity(session, owner, state=state, visibility=reach)
    expected = {
        "owner": True,
        "rival leader": state in LIVE and reach is Visibility.PUBLIC,
        "supplier": state in LIVE and reach in (Visibility.PUBLIC, Visibility.VERIFIED),
        "service provider": state in LIVE and reach in (Visibility.PUBLIC, Visibility.VERIFIED),
        "bureau": state is not OpportunityState.DRAFT,
        "operator": state is not OpportunityState.DRAFT,
    }
    readers = {
        "owner": actor_of(owner),
        "rival leader": actor_of(await make_organisation(session, Role.CHAIN_LEADER)),
        "supplier": actor_of(await make_organisation(session, Role.SUPPLIER)),
        "service provider": actor_of(await make_organisation(session, Role.SERVICE_PROVIDER)),
        "bureau": actor_of(await make_organisation(session, Role.BUREAU)),
        "operator": actor_of(await make_organisation(session, Role.OPERATOR)),
    }

    assert {name: await seen(session, actor, row.id) for name, actor in readers.items()} == expected


@pytest.mark.parametrize("state", MembershipState)
async def test_one_who_was_asked_sees_project_and_consortium_and_one_only_proposed_does_not(
    session: AsyncSession, state: MembershipState
) -> None:
    row = await make_opportunity(session, state=OpportunityState.PUBLISHED, visibility=Visibility.INVITED)
    consortium = await make_consortium(session, row)
    firm = await make_organisation(session, Role.SUPPLIER)
    member = await make_membership(session, consortium, organisation_id=firm.id, state=state)
    asked = state is not MembershipState.PROPOSED

    assert await seen(session, actor_of(firm), row.id) is asked
    for door, identity in ((visible.consortium, consortium.id), (visible.membership, member.id)):
        if asked:
            await door(session, actor_of(firm), identity)
        else:
            with pytest.raises(NotFound):
                await door(session, actor_of(firm), identity)


async def test_members_see_each_other_once_one_has_promised_and_the_other_has_accepted(session: AsyncSession) -> None:
    row = await make_opportunity(session, state=OpportunityState.PUBLISHED)
    consortium = await make_consortium(session, row)
    one, two = await make_organisation(session), await make_organisation(session)
    mine = await make_membership(session, consortium, organisation_id=one.id, state=MembershipState.INVITED)
    other = await make_membership(session, consortium, organisation_id=two.id, state=MembershipState.ACCEPTED)

    with pytest.raises(NotFound):
        await visible.membership(session, actor_of(one), other.id)
    await make_promise(session, mine)
    assert (await visible.membership(session, actor_of(one), other.id)).id == other.id


async def test_what_is_ones_own_is_nobody_elses(session: AsyncSession) -> None:
    firm, rival = await make_organisation(session), await make_organisation(session)
    capability = await make_capability(session, firm)
    certificate = await make_certificate(session, firm)
    job = await make_job(session, organisation_id=firm.id)

    await visible.own_capability(session, actor_of(firm), capability.id)
    await visible.own_certificate(session, actor_of(firm), certificate.id)
    await visible.job(session, actor_of(firm), job.id)
    for door, identity in (
        (visible.own_capability, capability.id),
        (visible.own_certificate, certificate.id),
        (visible.job, job.id),
        (visible.suggestion, uuid4()),
    ):
        with pytest.raises(NotFound):
            await door(session, actor_of(rival), identity)


async def test_a_firm_known_by_name_only_is_shown_to_watchers_alone(session: AsyncSession) -> None:
    named = await make_organisation(session, registered=False, credit_code=None)
    firm = await make_organisation(session)
    await make_link(session, supplier_id=named.id, buyer_id=firm.id)
    bureau = actor_of(await make_organisation(session, Role.BUREAU))

    with pytest.raises(NotFound):
        await visible.organisation(session, actor_of(firm), named.id)
    assert (await organisations.profile(session, actor_of(firm), firm.id)).links == ()
    assert len((await organisations.profile(session, bureau, firm.id)).links) == 1


async def test_pages_follow_each_other_without_a_gap_or_a_repeat(session: AsyncSession) -> None:
    owner = await make_organisation(session, Role.CHAIN_LEADER)
    wanted = {(await make_opportunity(session, owner)).id for _ in range(7)}
    statement = visible.opportunities(actor_of(owner))
    found: list[UUID] = []
    cursor = None
    while True:
        rows, cursor = await page(session, statement, cursor, 3)
        found += [row.id for row in rows]
        if cursor is None:
            break

    assert len(found) == 7
    assert set(found) == wanted
    with pytest.raises(Invalid):
        await page(session, statement, "never one of ours", 3)


async def test_only_watchers_count(session: AsyncSession) -> None:
    firm = actor_of(await make_organisation(session))
    bureau = actor_of(await make_organisation(session, Role.BUREAU))

    with pytest.raises(NotAllowed):
        await history.figures(session, firm, ("published",))
    with pytest.raises(NotFound):
        await history.behind(session, bureau, "unheard-of")
    for code in history.LISTS:
        (figure,) = await history.figures(session, bureau, (code,))
        assert figure.value == len(await history.behind(session, bureau, code)) == 0


async def test_a_reader_who_names_no_position_of_ours_starts_at_the_beginning(session: AsyncSession) -> None:
    firm = actor_of(await make_organisation(session))

    assert await events.after(session, firm, "nonsense") == []
    assert isinstance(await make_opportunity(session), Opportunity)
