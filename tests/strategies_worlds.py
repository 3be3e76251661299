"""Random small worlds and openings: few firms, few words, every kind of requirement, figures often undeclared."""

from datetime import date
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st

from domain.kinds import LinkKind, PackageKind, RequirementKind
from domain.world import Held, Link, Need, Offering, Opening, Package, Supplier, World

Value = TypeVar("Value")
AS_OF = date(2026, 1, 15)
MONTHS = tuple(date(2026, month, 1) for month in range(1, 13))
PHRASES = (
    "光伏逆变器",
    "组串式光伏逆变器",
    "逆变器",
    "电力变压器",
    "油浸式电力变压器",
    "锂电池",
    "电池",
    "国际货运代理",
    "货运",
)
CODES = ((None, ""), ("HS", "8504"), ("HS", "850440"), ("HS", "85"), ("CPV", "31121000"), ("GBT", "C3821"), ("X", "1"))
SCHEMES = ("ISO 9001", "ISO 9001:2015", "CE", "TÜV")
SPECIALTIES = ("power", "civil")
COUNTRIES = ("KE", "SA", "VN")
UNITS = ("C62", "SET")


def ids(kind: int) -> st.SearchStrategy[UUID]:
    """Ids of one kind of thing never meet those of another."""
    return st.integers(1, 40).map(lambda number: UUID(int=kind * 1000 + number))


days = st.sampled_from([date(2025, 6, 1), date(2026, 2, 1), date(2026, 4, 30), date(2026, 8, 31), date(2027, 12, 31)])


def maybe(strategy: st.SearchStrategy[Value]) -> st.SearchStrategy[Value | None]:
    return st.one_of(st.none(), strategy)


@st.composite
def offerings(draw: st.DrawFn) -> Offering:
    system, code = draw(st.sampled_from(CODES))
    first, last = draw(maybe(days)), draw(maybe(days))
    free = draw(st.dictionaries(st.sampled_from(MONTHS), st.integers(0, 50), max_size=4))
    return Offering(
        id=draw(ids(1)),
        phrase=draw(st.sampled_from(PHRASES)),
        phrase_en=draw(st.sampled_from([None, "solar inverter", "power transformer"])),
        code_system=system,
        code=code,
        unit=draw(maybe(st.sampled_from(UNITS))),
        monthly=draw(maybe(st.integers(0, 50))),
        free=MappingProxyType(free),
        price=draw(maybe(st.integers(0, 1000))),
        currency=draw(st.sampled_from([None, "CNY", "USD"])),
        lead_days=draw(maybe(st.integers(0, 200))),
        countries=draw(st.frozensets(st.sampled_from(COUNTRIES))),
        verification=draw(st.integers(0, 3)),
        valid_from=min(first, last) if first and last else first,
        valid_to=max(first, last) if first and last else last,
    )


@st.composite
def certificates(draw: st.DrawFn) -> Held:
    first, last = sorted((draw(days), draw(days)))
    return Held(scheme=draw(st.sampled_from(SCHEMES)), valid_from=first, valid_to=draw(st.sampled_from([None, last])))


@st.composite
def suppliers(draw: st.DrawFn) -> Supplier:
    return Supplier(
        id=draw(ids(2)),
        name=draw(st.sampled_from(["甲电气有限公司", "贵州黔源电力股份有限公司", "丙物流"])),
        sme=draw(maybe(st.booleans())),
        verification=draw(st.integers(0, 3)),
        grades=MappingProxyType(draw(st.dictionaries(st.sampled_from(SPECIALTIES), st.integers(1, 4)))),
        offerings=tuple(draw(st.lists(offerings(), max_size=4, unique_by=lambda each: each.id))),
        certificates=tuple(draw(st.lists(certificates(), max_size=2))),
    )


@st.composite
def links(draw: st.DrawFn) -> Link:
    supplier, buyer = draw(st.lists(st.integers(1, 12), min_size=2, max_size=2))
    return Link(
        supplier_id=UUID(int=2000 + supplier),
        buyer_id=UUID(int=2000 + buyer),
        kind=draw(st.sampled_from([LinkKind.SUPPLIES, LinkKind.SUPPLIES, LinkKind.PARTNERED])),
        year=draw(st.integers(2020, 2024)),
        share=draw(maybe(st.integers(0, 10_000))),
        source=draw(st.sampled_from(["", "annual report", "bureau"])),
        confidence=draw(st.integers(0, 100)),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world of up to five firms, some links, some known kinds of products, some phrases near in meaning."""
    phrase = st.sampled_from(PHRASES)
    return World(
        as_of=AS_OF,
        suppliers=tuple(draw(st.lists(suppliers(), max_size=5, unique_by=lambda each: each.id))),
        links=tuple(draw(st.lists(links(), max_size=12))),
        narrower=draw(st.frozensets(st.tuples(phrase, phrase), max_size=4)),
        nearness=MappingProxyType(draw(st.dictionaries(st.tuples(phrase, phrase), st.integers(0, 100), max_size=6))),
    )


@st.composite
def needs(draw: st.DrawFn) -> Need:
    kind = draw(st.sampled_from(list(RequirementKind)))
    system, code = draw(st.sampled_from(CODES))
    codes = {
        RequirementKind.CAPABILITY: (system, code or None),
        RequirementKind.CERTIFICATE: (None, draw(st.sampled_from(SCHEMES))),
        RequirementKind.GRADE: (None, draw(maybe(st.sampled_from(SPECIALTIES)))),
        RequirementKind.COUNTRY: (None, draw(maybe(st.sampled_from(COUNTRIES)))),
    }
    limits = {RequirementKind.LEAD_TIME: st.integers(0, 200), RequirementKind.GRADE: st.integers(1, 4)}
    return Need(
        id=draw(ids(3)),
        kind=kind,
        phrase=draw(maybe(st.sampled_from(PHRASES))) if kind is RequirementKind.CAPABILITY else None,
        code_system=codes.get(kind, (None, None))[0],
        code=codes.get(kind, (None, None))[1],
        threshold=draw(maybe(limits.get(kind, st.integers(0, 3)))),
        mandatory=draw(st.booleans()),
    )


@st.composite
def packages(draw: st.DrawFn, number: int) -> Package:
    starts, ends = sorted((draw(days), draw(days)))
    return Package(
        id=UUID(int=4000 + number),
        code=f"WP{number}",
        name=draw(st.sampled_from(PHRASES)),
        kind=draw(st.sampled_from(list(PackageKind))),
        unit=draw(st.sampled_from(UNITS)),
        quantity=draw(st.integers(1, 60)),
        value=draw(st.integers(0, 10_000)),
        starts=starts,
        ends=ends,
        specialty=draw(maybe(st.sampled_from(SPECIALTIES))),
        needs=tuple(draw(st.lists(needs(), max_size=4, unique_by=lambda each: each.id))),
    )


@st.composite
def openings(draw: st.DrawFn) -> Opening:
    """An opening of one to three packages; now and then its owner is one of the world's firms."""
    count = draw(st.integers(1, 3))
    owner = draw(ids(2))
    rules: dict[str, Any] = draw(
        st.sampled_from([{}, {"required": [str(owner)]}, {"lead": {"candidates": [str(owner)]}}])
    )
    return Opening(
        id=UUID(int=5000),
        owner_id=owner,
        edition=1,
        title="opening",
        country=draw(st.sampled_from(COUNTRIES)),
        currency="CNY",
        budget=None,
        starts=date(2026, 1, 1),
        ends=date(2027, 12, 31),
        packages=tuple(draw(packages(number)) for number in range(count)),
        rules=MappingProxyType(rules),
    )
