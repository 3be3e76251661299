"""The law in the way of a signature: what refuses it, who may acknowledge what, and what a reader is shown."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from api.actions import compliance, consortia
from api.actions.auth import enrol
from api.app import create_app
from api.queries.compliance import Compliance
from api.queries.compliance import compliance as read
from api.settings import Settings
from api.wire.compliance import AcknowledgementIn
from coalitions.compliance import Finding
from coalitions.matching import Outcome
from domain.actor import Actor
from domain.errors import DomainError, NotAllowed, NotFound
from domain.kinds import ConsortiumState, MembershipState, RequirementKind
from domain.records import (
    Agreement,
    ComplianceAcknowledgement,
    Consortium,
    Opportunity,
    Organisation,
    Signature,
    WorkPackage,
)
from tests.api.test_formation import Scene
from tests.api.test_formation import scene as scene
from tests.factories import actor_of, make_consortium, make_membership, make_organisation, make_requirement
from tests.living import living

PASSWORD = "a long enough secret 2027"


async def governed(scene: Scene, **over: Any) -> None:
    """Put the project under a law, a financier, or other terms of its notice."""
    async with scene.sessions.begin() as session:
        row = await session.get_one(Opportunity, scene.opportunity)
        for name, value in over.items():
            setattr(row, name, value)


async def sign(scene: Scene, identity: UUID, sha256: str, *firms: Actor) -> None:
    """Let firms sign, one after the other."""
    for firm in firms:
        async with scene.sessions.begin() as session:
            await consortia.sign(session, firm, identity, sha256)


async def acknowledge(scene: Scene, identity: UUID, rule: str, actor: Actor | None = None) -> None:
    """Let a person, the chain leader's unless told otherwise, acknowledge a rule."""
    async with scene.sessions.begin() as session:
        given = AcknowledgementIn(rule_id=rule, note="已核对公告。")
        await compliance.acknowledge(session, actor or scene.leader, identity, given)


async def judged(scene: Scene, identity: UUID, actor: Actor | None = None, on: date | None = None) -> Compliance:
    """Return what the law finds, as the chain leader reads it unless told otherwise."""
    async with scene.sessions() as session:
        return await read(session, actor or scene.leader, identity, on)


def of(found: Compliance, rule: str) -> list[Finding]:
    """Return the findings of one rule."""
    return [each for each in found.shown if each.rule_id == rule]


async def test_a_warning_waits_for_a_named_person_and_then_everyone_signs(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity, sha256 = await scene.agreed()

    with pytest.raises(compliance.AcknowledgementMissing) as missing:
        await sign(scene, identity, sha256, scene.cells)
    await acknowledge(scene, identity, "REG-37a")
    await sign(scene, identity, sha256, scene.cells, scene.power)

    assert missing.value.params == {"rules": "REG-37a"}
    assert await scene.state(identity) is ConsortiumState.SIGNED
    (statement,) = (await judged(scene, identity)).statements
    assert (statement.person, statement.row.rule_id, statement.row.pack) == ("演示用户", "REG-37a", "cn-bid")


async def test_a_development_banks_project_is_signed_without_a_word_about_chinese_bidding(scene: Scene) -> None:
    await governed(scene, procuring_law="WB-2025", financier="多边开发银行贷款")
    identity, sha256 = await scene.agreed()

    await sign(scene, identity, sha256, scene.cells, scene.power)

    assert {pack.id for pack in (await judged(scene, identity)).packs} >= {"mdb", "cn-export"}
    assert not of(await judged(scene, identity), "BID-31c")


async def test_a_stop_refuses_the_signature_and_cannot_be_acknowledged_away(scene: Scene) -> None:
    await governed(scene, procuring_law="FIDIC")
    identity, sha256 = await scene.agreed()
    async with scene.sessions.begin() as session:
        (await session.get_one(Consortium, identity)).liability = "several"

    with pytest.raises(compliance.ComplianceStop) as stopped:
        await sign(scene, identity, sha256, scene.cells)
    with pytest.raises(compliance.ComplianceStop):
        await acknowledge(scene, identity, "FID-1.14a")

    assert stopped.value.params == {"rule": "FID-1.14a"}


async def test_a_stop_that_asks_for_a_statement_is_met_by_it(scene: Scene) -> None:
    identity, sha256 = await scene.agreed()
    async with scene.sessions.begin() as session:
        (await session.get_one(Consortium, identity)).is_incorporated = True

    with pytest.raises(compliance.ComplianceStop):
        await sign(scene, identity, sha256, scene.cells)
    await acknowledge(scene, identity, "ODI-4")
    await sign(scene, identity, sha256, scene.cells)

    assert [each.outcome for each in of(await judged(scene, identity), "ODI-4")] == [Outcome.PASS]


async def test_only_a_person_of_the_chain_leader_acknowledges(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity = await scene.invited()
    machine = Actor(user_id=None, organisation_id=scene.leader.organisation_id, roles=scene.leader.roles)
    async with scene.sessions.begin() as session:
        stranger = actor_of(await make_organisation(session))
    refused: dict[Actor, type[DomainError]] = {scene.cells: NotAllowed, machine: NotAllowed, stranger: NotFound}

    for actor, refusal in refused.items():
        with pytest.raises(refusal):
            await acknowledge(scene, identity, "REG-37a", actor)
    with pytest.raises(NotFound):
        await judged(scene, identity, stranger)


async def test_there_is_nothing_to_acknowledge_twice_or_where_no_rule_speaks(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity = await scene.invited()
    await acknowledge(scene, identity, "REG-37a")

    for rule in ("REG-37a", "BID-31a", "CL-sme", "XX-1"):
        with pytest.raises(compliance.NothingToAcknowledge):
            await acknowledge(scene, identity, rule)


async def test_what_was_acknowledged_is_never_rewritten(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    await acknowledge(scene, await scene.invited(), "REG-37a")

    for sql in ("update compliance_acknowledgement set note = 'x'", "delete from compliance_acknowledgement"):
        with pytest.raises(IntegrityError, match="keeps every row"):
            async with scene.sessions.begin() as session:
                await session.execute(sa.text(sql))


async def test_the_rows_become_the_facts_that_the_law_asks_about(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID", rules={"max_members": 1, "lead": {"min_share": 9_900}})
    identity = await scene.invited()
    async with scene.sessions.begin() as session:
        packages = [await session.get_one(WorkPackage, each) for each in scene.packages]
        for package in packages:
            package.specialty = "power"
        await make_requirement(session, packages[0], position=3, kind=RequirementKind.GRADE, code="power", threshold=3)
        await make_requirement(session, packages[0], kind=RequirementKind.GRADE, code="rail", threshold=9)
        await make_requirement(session, packages[0], position=2, code_system="HS", code="3801.10")
        firms = [await session.get_one(Organisation, each.organisation_id) for each in (scene.cells, scene.power)]
        for firm, grade in zip(firms, (3, 2), strict=True):
            firm.grades, firm.group_name, firm.turnover = {"power": grade}, "演示集团", 10_00

    found = await judged(scene, identity)

    (lowest,) = of(found, "BID-31c")
    assert dict(lowest.params) == {"specialty": "power", "lowest": 2, "least": 3}
    assert [each.outcome for each in of(found, "BID-31b")] == [Outcome.PASS]
    assert [each.code for each in of(found, "NOT-max")] == ["members-too-many"]
    assert [each.code for each in of(found, "NOT-lead")] == ["lead-share"]
    assert {each.subject: each.code for each in of(found, "EXP-12")} == {"WP1": "code-listed", "WP2": "code-missing"}


async def test_a_relation_in_another_consortium_for_the_project_is_found(scene: Scene) -> None:
    await governed(scene, financier="World Bank")
    identity = await scene.invited()
    async with scene.sessions.begin() as session:
        (await session.get_one(Organisation, scene.power.organisation_id)).group_name = "演示集团"
        opportunity = await session.get_one(Opportunity, scene.opportunity)
        related = await make_organisation(session, group_name="演示集团")
        rival = await make_consortium(session, opportunity)
        await make_membership(session, rival, related, state=MembershipState.ACCEPTED)

    (finding,) = of(await judged(scene, identity), "MDB-JV4")

    assert (finding.stops, finding.about) == (True, (scene.power.organisation_id,))
    assert "演示企业" not in str({**finding.params, "member": ""})


async def test_a_member_that_came_after_the_text_was_fixed_is_named(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity, _ = await scene.agreed()
    async with scene.sessions.begin() as session:
        consortium = await session.get_one(Consortium, identity)
        late = await make_organisation(session)
        await make_membership(session, consortium, late, state=MembershipState.ACCEPTED)

    found = of(await judged(scene, identity), "REG-37c")

    assert [(each.subject, each.waits) for each in found] == [(str(late.id), True)]


async def test_a_member_reads_nothing_about_those_it_may_not_know_yet(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity = await scene.invited()

    everything = of(await judged(scene, identity), "CON-44")
    own = of(await judged(scene, identity, scene.power), "CON-44")

    assert {each.about for each in everything} == {(scene.cells.organisation_id,), (scene.power.organisation_id,)}
    assert [each.about for each in own] == [(scene.power.organisation_id,)]


async def test_a_party_learns_whether_all_is_clear_and_who_said_so_and_one_who_is_only_asked_does_not(
    scene: Scene,
) -> None:
    await governed(scene, procuring_law="CN-BID", rules={"max_members": 1})
    identity = await scene.invited()
    await scene.accept(identity, scene.cells)
    for rule in ("REG-37a", "CON-44"):
        await acknowledge(scene, identity, rule)

    leader, member, asked = [await judged(scene, identity, each) for each in (scene.leader, scene.cells, scene.power)]

    assert [{each.rule_id for each in found.weighed if each.stops} for found in (leader, member, asked)] == [
        {"NOT-max"},
        {"NOT-max"},
        set(),
    ]
    own = {"", str(scene.cells.organisation_id)}
    assert len(leader.statements) == 3
    assert {each.row.subject for each in member.statements} == own
    assert asked.statements == ()
    assert not of(member, "NOT-max")


async def test_what_was_signed_is_judged_by_the_law_of_its_day(scene: Scene) -> None:
    identity, _ = await scene.agreed()
    async with scene.sessions.begin() as session:
        (await session.get_one(WorkPackage, scene.packages[0])).name = "电池正极材料制备技术"
        (await session.get_one(Consortium, identity)).state = ConsortiumState.SIGNED
        frozen = Agreement(consortium_id=identity, edition=2, body={}, sha256="a" * 64)
        session.add(frozen)
        await session.flush()
        session.add(
            Signature(
                agreement_id=frozen.id, sha256="a" * 64, organisation_id=scene.cells.organisation_id,
                user_id=cast(UUID, scene.cells.user_id), created_at=datetime(2025, 7, 14, 15, 59, tzinfo=UTC),
            )
        )  # fmt: skip

    then, now = await judged(scene, identity), await judged(scene, identity, on=date(2025, 7, 15))

    assert not of(then, "EXP-tech")
    assert [each.outcome for each in of(now, "EXP-tech")] == [Outcome.FAIL]
    assert of(then, "EXP-du")


@pytest.fixture
async def client(scene: Scene, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the chain leader's person has signed in."""
    async with scene.sessions.begin() as session:
        await enrol(session, organisation_id=scene.leader.organisation_id, email="law@example.cn", name="演示法务",
                    password=PASSWORD)  # fmt: skip
    app = create_app(Settings(second_factor="optional"), database_url)
    transport = httpx.ASGITransport(cast(Any, app))
    async with living(app), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        found = await client.post("/api/v1/sign-ins", json={"email": "law@example.cn", "password": PASSWORD})
        assert found.status_code == 201, found.text
        yield client


async def test_over_http_findings_are_worded_with_their_source_and_answered_by_name(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity = await scene.invited()
    path = f"/api/v1/consortia/{identity}"

    chinese = (await client.get(f"{path}/compliance")).json()
    english = (await client.get(f"{path}/compliance", params={"lang": "en", "on": "2026-12-01"})).json()
    answered = await client.post(f"{path}/acknowledgements", json={"rule_id": "REG-37a", "note": "公告第三条"})

    def rule(told: Any) -> Any:
        return next(each for each in told["findings"] if each["rule_id"] == "REG-37a")

    assert (chinese["clear"], chinese["waiting"], chinese["stops"]) == (False, ["REG-37a"], [])
    assert rule(chinese)["source"] == "《招标投标法实施条例》第三十七条"
    assert (rule(english)["found"], english["on"]) == ("Nobody has made a statement on this.", "2026-12-01")
    assert answered.status_code == 200
    assert (answered.json()["clear"], rule(answered.json())["outcome"]) == (True, "pass")
    assert answered.json()["acknowledgements"][0]["person"] == "演示法务"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"rule_id": "REG-37a", "note": ""}, "$.note"),
        ({"rule_id": "; drop", "note": "好的"}, "$.rule_id"),
        ({"note": "好的"}, "$.rule_id"),
        ({"rule_id": "REG-37a", "note": "好的", "by": "me"}, "$.by"),
    ],
)
async def test_over_http_a_faulty_acknowledgement_is_refused_by_name(
    scene: Scene, client: httpx.AsyncClient, body: dict[str, str], where: str
) -> None:
    identity = await scene.invited()

    refused = await client.post(f"/api/v1/consortia/{identity}/acknowledgements", json=body)

    assert refused.status_code == 422
    assert [fault["where"] for fault in refused.json()["errors"]] == [where]


async def test_over_http_a_refusal_names_the_rule_in_the_readers_language(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    identity = await scene.invited()

    refused = await client.post(
        f"/api/v1/consortia/{identity}/acknowledgements?lang=en", json={"rule_id": "CL-sme", "note": "none"}
    )
    absent = await client.get(f"/api/v1/consortia/{uuid4()}/compliance")

    assert (refused.status_code, refused.json()["title"]) == (409, "Rule “CL-sme” has nothing to acknowledge.")
    assert absent.status_code == 404


async def test_acknowledgements_are_kept_with_the_wording_they_were_given_for(scene: Scene) -> None:
    await governed(scene, procuring_law="CN-BID")
    identity = await scene.invited()
    await acknowledge(scene, identity, "CON-44")

    async with scene.sessions() as session:
        rows = list((await session.execute(sa.select(ComplianceAcknowledgement))).scalars())

    assert {row.subject for row in rows} == {str(scene.cells.organisation_id), str(scene.power.organisation_id)}
    assert {(row.rule_since, row.pack_version) for row in rows} == {(date(2003, 5, 1), "2026.11")}
