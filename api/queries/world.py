"""Rows become a World, here and nowhere else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import opportunities
from api.tenancy import Office, by
from api.vectors import THRESHOLD as FLOOR
from api.vectors import Meaning, Vectors
from coalitions.matching import capability_needs, need_phrases
from domain.actor import Actor
from domain.calendar import months
from domain.disclosure import shown_to_matched
from domain.kinds import CapabilityState, ConsortiumState, HoldState, MembershipState, Standing
from domain.records import (
    Capability,
    CapabilityPrice,
    CapacityHold,
    CapacityMonth,
    Certificate,
    Consortium,
    Membership,
    NarrowerProduct,
    Organisation,
    PhraseVector,
    SupplyLink,
)
from domain.world import Held, Link, Need, Offering, Opening, Package, Supplier, World

NEAREST = 300
"""Phrases taken from each encoder's own order for one requirement; their exact likeness decides afterwards."""
NARROWER_STEPS = 2
PROVEN = (ConsortiumState.SIGNED, ConsortiumState.FILED, ConsortiumState.BID, ConsortiumState.WON)


async def load_opening(session: AsyncSession, actor: Actor, identity: UUID) -> Opening:
    """Return an opportunity as the optimizer needs it. Raises NotFound."""
    folded = await opportunities.folded(session, actor, identity)
    row = folded.opportunity
    return Opening(
        id=row.id,
        owner_id=row.organisation_id,
        edition=row.edition,
        title=row.title,
        country=row.country,
        currency=row.currency,
        budget=row.budget,
        starts=row.starts,
        ends=row.ends,
        rules=row.rules,
        goals=row.goals,
        packages=tuple(
            Package(
                id=package.id,
                code=package.code,
                name=package.name,
                name_en=package.name_en,
                kind=package.kind,
                unit=package.unit,
                quantity=package.quantity,
                value=package.value,
                starts=package.starts,
                ends=package.ends,
                min_suppliers=package.min_suppliers,
                max_suppliers=package.max_suppliers,
                min_share=package.min_share,
                max_share=package.max_share,
                critical=package.critical,
                specialty=package.specialty,
                follows=tuple(package.follows),
                needs=tuple(
                    Need(
                        id=need.id,
                        kind=need.kind,
                        phrase=need.phrase,
                        code_system=need.code_system,
                        code=need.code,
                        threshold=need.threshold,
                        mandatory=need.mandatory,
                    )
                    for need in folded.requirements[package.id]
                ),
            )
            for package in folded.packages
        ),
    )


@by(Office.SOLVER)
async def load_world(
    session: AsyncSession, actor: Actor, opening: Opening, meaning: Meaning, as_of: date, *, holding: UUID | None = None
) -> World:
    """Return the suppliers that could serve `opening`, with their figures and ties: what the solver may look at.

    A capability is taken when its phrase is near a requirement's in meaning, equal to it or a narrower product of it,
    or when its code lies at or below the required one. Prices and capacities come along for the solver alone.
    What consortium `holding` already holds counts as free again, since the run is for that consortium.
    """
    phrases = sorted(need_phrases(opening))
    narrower = await _narrower(session, phrases)
    nearness = await _nearness(session, phrases, meaning)
    words = {have for _, have in nearness} | set(phrases) | {pair[1] for pair in narrower}
    rows = await _capabilities(session, words, opening)
    firms = await _firms(session, {row.organisation_id for row in rows} | _named(opening))
    offerings = await _offerings(session, [row for row in rows if row.organisation_id in firms], opening, holding)
    certificates = await _certificates(session, firms)
    veterans = await _veterans(session, firms)
    return World(
        as_of=as_of,
        suppliers=tuple(
            _supplier(firm, offerings.get(firm.id, ()), certificates.get(firm.id, ()), firm.id not in veterans)
            for firm in sorted(firms.values(), key=lambda firm: firm.id)
        ),
        links=await _links(session, firms),
        narrower=narrower,
        nearness=MappingProxyType(nearness),
    )


@by(Office.SOLVER)
async def load_firms(
    session: AsyncSession,
    opening: Opening,
    firms: set[UUID],
    as_of: date,
    *,
    holding: UUID | None = None,
    meaning: Meaning | None = None,
) -> World:
    """Return the world that these firms alone make up, with all they declare; who else there is does not matter.

    What they declare is compared with what is asked in meaning too where `meaning` is given.
    """
    found = await _firms(session, firms)
    statement = sa.select(Capability).where(
        col(Capability.organisation_id).in_(list(found)), col(Capability.state) == CapabilityState.DECLARED
    )
    rows = list((await session.execute(statement.order_by(col(Capability.id)))).scalars())
    offerings = await _offerings(session, rows, opening, holding)
    certificates = await _certificates(session, found)
    phrases = sorted(need_phrases(opening))
    near = await to_thread.run_sync(_likened, meaning, phrases, sorted({row.phrase for row in rows})) if meaning else {}
    return World(
        as_of=as_of,
        suppliers=tuple(
            _supplier(firm, offerings.get(firm.id, ()), certificates.get(firm.id, ()), newcomer=True)
            for firm in sorted(found.values(), key=lambda firm: firm.id)
        ),
        narrower=await _narrower(session, phrases),
        nearness=MappingProxyType(near),
    )


def _likened(meaning: Meaning, needs: Sequence[str], haves: Sequence[str]) -> dict[tuple[str, str], int]:
    return meaning.nearness(meaning.encode(needs), meaning.encode(haves), FLOOR)


def _capability_needs(opening: Opening) -> list[Need]:
    return [need for package in opening.packages for need in capability_needs(package)]


def _named(opening: Opening) -> set[UUID]:
    """Collect the firms the rules name, so that a rule about a firm that fits nothing is still understood."""
    rules = opening.rules
    named = [*rules.get("required", ()), *(lock["firm"] for lock in rules.get("locked", ()))]
    named += rules.get("excluded", ())
    named += [firm for pair in rules.get("conflicts", ()) for firm in pair]
    named += (rules.get("lead") or {}).get("candidates") or ()
    return {UUID(str(firm)) for firm in named}


async def _narrower(session: AsyncSession, phrases: Sequence[str]) -> frozenset[tuple[str, str]]:
    pairs: set[tuple[str, str]] = set()
    edge = set(phrases)
    for _ in range(NARROWER_STEPS):
        statement = sa.select(col(NarrowerProduct.broader), col(NarrowerProduct.narrower)).where(
            col(NarrowerProduct.broader).in_(sorted(edge))
        )
        found = {(broader, narrower) for broader, narrower in await session.execute(statement)}
        edge = {narrower for _, narrower in found - pairs}
        pairs |= found
    return frozenset(pairs)


async def _nearness(session: AsyncSession, phrases: Sequence[str], meaning: Meaning) -> dict[tuple[str, str], int]:
    """Search the stored vectors for the phrases nearest to each requirement, and judge those by their cosines."""
    if not phrases:
        return {}
    needs = await to_thread.run_sync(meaning.encode, phrases)
    columns: dict[str, Any] = {"sentence": PhraseVector.sentence, "passage": PhraseVector.passage}
    stored = {name: column for name, column in columns.items() if name in needs.rows}
    if not stored:
        return await _nearness_by_writing(session, needs, meaning)
    found: dict[tuple[str, str], int] = {}
    for row, phrase in enumerate(phrases):
        one = Vectors(phrases=(phrase,), rows={name: rows[row : row + 1] for name, rows in needs.rows.items()})
        for names, haves in (await _nearest(session, one, stored)).items():
            cosines = {name: np.array([[have[1 + at] for have in haves]]) for at, name in names}
            likeness = meaning.judged(one, [have[0] for have in haves], cosines)[0]
            found |= {(phrase, have[0]): int(like) for have, like in zip(haves, likeness, strict=True) if like >= FLOOR}
    return found


async def _nearest(
    session: AsyncSession, need: Vectors, stored: Mapping[str, Any]
) -> dict[tuple[tuple[int, str], ...], list[Sequence[Any]]]:
    """Return phrases with their cosines to `need`, grouped by the encoders whose vectors they have so far.

    While the vector job runs, a phrase may have one vector and not yet the other. Vectors stay in the database.
    """
    cosines = [1 - column.cosine_distance(need.rows[name][0]) for name, column in stored.items()]
    rows: dict[str, Sequence[Any]] = {}
    for column, cosine in zip(stored.values(), cosines, strict=True):
        statement = (
            sa.select(col(PhraseVector.phrase), *cosines)
            .where(column.is_not(None), _declared())
            .order_by(cosine.desc())
            .limit(NEAREST)
        )
        rows |= {row[0]: row for row in await session.execute(statement)}
    groups: dict[tuple[tuple[int, str], ...], list[Sequence[Any]]] = {}
    for row in rows.values():
        has = tuple((at, name) for at, name in enumerate(stored) if row[1 + at] is not None)
        groups.setdefault(has, []).append(row)
    return groups


def _declared() -> sa.Exists:
    """Only phrases that some firm declares: requirements keep their phrases in the same table."""
    return sa.exists().where(
        col(Capability.phrase) == col(PhraseVector.phrase), col(Capability.state) == CapabilityState.DECLARED
    )


async def _nearness_by_writing(session: AsyncSession, needs: Vectors, meaning: Meaning) -> dict[tuple[str, str], int]:
    """Compare by character grams, which are not stored: where no encoder can be loaded, everything is compared here."""
    statement = sa.select(col(PhraseVector.phrase)).where(_declared())
    phrases = list((await session.execute(statement)).scalars())
    haves = await to_thread.run_sync(meaning.encode, phrases)
    return meaning.nearness(needs, haves)


async def _capabilities(session: AsyncSession, words: set[str], opening: Opening) -> list[Capability]:
    ways: list[sa.ColumnElement[bool]] = [col(Capability.phrase).in_(sorted(words))]
    ways += [
        sa.and_(
            col(Capability.code_system) == need.code_system,
            col(Capability.code).startswith(need.code.rstrip("0") or need.code, autoescape=True),
        )
        for need in _capability_needs(opening)
        if need.code and need.code_system
    ]
    statement = sa.select(Capability).where(col(Capability.state) == CapabilityState.DECLARED, sa.or_(*ways))
    return list((await session.execute(statement.order_by(col(Capability.id)))).scalars())


async def _firms(session: AsyncSession, identities: Iterable[UUID]) -> dict[UUID, Organisation]:
    statement = sa.select(Organisation).where(
        col(Organisation.id).in_(sorted(set(identities))),
        col(Organisation.registered),
        col(Organisation.standing) == Standing.VERIFIED,
    )
    return {row.id: row for row in (await session.execute(statement)).scalars()}


async def _offerings(
    session: AsyncSession, rows: Sequence[Capability], opening: Opening, holding: UUID | None
) -> dict[UUID, tuple[Offering, ...]]:
    ids = [row.id for row in rows]
    prices = {
        price.capability_id: price
        for price in (
            await session.execute(sa.select(CapabilityPrice).where(col(CapabilityPrice.capability_id).in_(ids)))
        ).scalars()
    }
    free = await _free(session, ids, opening, holding)
    folded: dict[UUID, list[Offering]] = {}
    for row in rows:
        price = prices.get(row.id)
        folded.setdefault(row.organisation_id, []).append(
            Offering(
                id=row.id,
                phrase=row.phrase,
                phrase_en=row.phrase_en,
                code_system=row.code_system,
                code=row.code,
                unit=row.unit,
                monthly=row.monthly_quantity,
                free=MappingProxyType(free.get(row.id, {})),
                price=price.unit_price if price else None,
                currency=price.currency if price else None,
                price_disclosed=price is not None and shown_to_matched(price.disclosure),
                lead_days=row.lead_days,
                countries=frozenset(row.countries),
                verification=row.verification,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
        )
    return {firm: tuple(found) for firm, found in folded.items()}


async def _free(
    session: AsyncSession, capabilities: Sequence[UUID], opening: Opening, holding: UUID | None
) -> dict[UUID, dict[date, int]]:
    span = months(opening.starts, opening.ends)
    statement = sa.select(CapacityMonth).where(
        col(CapacityMonth.capability_id).in_(capabilities), col(CapacityMonth.month).between(span[0], span[-1])
    )
    rows = list((await session.execute(statement)).scalars())
    own = await _held(session, [row.id for row in rows if row.id is not None], holding) if holding else {}
    free: dict[UUID, dict[date, int]] = {}
    for row in rows:
        kept = own.get(row.id, 0) if row.id is not None else 0
        free.setdefault(row.capability_id, {})[row.month] = row.declared - row.reserved + kept
    return free


async def _held(session: AsyncSession, buckets: Sequence[int], consortium: UUID) -> dict[int, int]:
    statement = (
        sa.select(col(CapacityHold.capacity_month_id), sa.func.sum(col(CapacityHold.quantity)))
        .join(Membership, col(Membership.id) == col(CapacityHold.membership_id))
        .where(
            col(Membership.consortium_id) == consortium,
            col(CapacityHold.capacity_month_id).in_(buckets),
            col(CapacityHold.state).in_((HoldState.SOFT, HoldState.HARD)),
        )
        .group_by(col(CapacityHold.capacity_month_id))
    )
    return {bucket: int(units) for bucket, units in await session.execute(statement)}


async def _certificates(session: AsyncSession, firms: Mapping[UUID, Organisation]) -> dict[UUID, tuple[Held, ...]]:
    statement = (
        sa.select(Certificate)
        .where(col(Certificate.organisation_id).in_(list(firms)))
        .order_by(col(Certificate.organisation_id), col(Certificate.scheme), col(Certificate.id))
    )
    folded: dict[UUID, list[Held]] = {}
    for row in (await session.execute(statement)).scalars():
        held = Held(scheme=row.scheme, valid_from=row.valid_from, valid_to=row.valid_to)
        folded.setdefault(row.organisation_id, []).append(held)
    return {firm: tuple(found) for firm, found in folded.items()}


async def _veterans(session: AsyncSession, firms: Mapping[UUID, Organisation]) -> set[UUID]:
    statement = (
        sa.select(col(Membership.organisation_id))
        .join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
        .where(
            col(Membership.organisation_id).in_(list(firms)),
            col(Membership.state).in_((MembershipState.SIGNED, MembershipState.ACTIVE)),
            col(Consortium.state).in_(PROVEN),
        )
    )
    return set((await session.execute(statement)).scalars())


async def _links(session: AsyncSession, firms: Mapping[UUID, Organisation]) -> tuple[Link, ...]:
    """Return the ties among candidates: cohesion counts direct ties only."""
    ids = list(firms)
    statement = (
        sa.select(SupplyLink)
        .where(col(SupplyLink.supplier_id).in_(ids), col(SupplyLink.buyer_id).in_(ids))
        .order_by(col(SupplyLink.supplier_id), col(SupplyLink.buyer_id), col(SupplyLink.year), col(SupplyLink.id))
    )
    return tuple(link_of(row) for row in (await session.execute(statement)).scalars())


def link_of(row: SupplyLink) -> Link:
    """Return a stored link as computation sees it."""
    return Link(
        supplier_id=row.supplier_id,
        buyer_id=row.buyer_id,
        kind=row.kind,
        year=row.year,
        share=row.share,
        source=row.source,
        confidence=row.confidence,
    )


def _supplier(
    row: Organisation, offerings: tuple[Offering, ...], certificates: tuple[Held, ...], newcomer: bool
) -> Supplier:
    return Supplier(
        id=row.id,
        name=row.name,
        sme=row.sme,
        city=row.city,
        country=row.country,
        turnover=row.turnover,
        verification=row.verification,
        group=row.group_name,
        newcomer=newcomer,
        grades=MappingProxyType(dict(row.grades)),
        offerings=offerings,
        certificates=certificates,
    )
