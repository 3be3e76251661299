"""Yunfan (云帆市), a city that does not exist: its firms, what they declare, whom they buy from. All of it invented.

The same seed founds the same city; only dates move with the day it is founded on. Its shape follows what was measured
on disclosures of listed firms (3,873 firms, 2017 and 2018) and on participants of research projects:

====================================================  ==========================================  =================
what                                                  measured                                    here
====================================================  ==========================================  =================
products a firm names: median, deviation of the log   7, 0.87                                     the same, 1 to 20
suppliers a buyer names a year                        5, of which 32 % by name                    the same
share of purchases by rank, medians                   11.3, 6.5, 4.7, 3.7, 3.0 %                  the same
ties that are there the next year too                 41 %                                        the same
spread of registered capital: deviation of the log    1.15                                        the same
firms that are SMEs, where that is known              57 % (825 of 1,447)                         by turnover
ownership: private, local state, public, state        66, 12, 10, 7 % (rest foreign)              the same
firms that name the same product phrase               1.04                                        about 3
====================================================  ==========================================  =================

A real phrase is nearly always one firm's own; here firms share phrases, so that packages have several who could serve
them. An SME is a manufacturer with a turnover below 400 million yuan (中小企业划型标准规定, 工信部联企业〔2011〕300号).
"""

import random
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from stdnum.cn import uscc

from domain.actor import Actor
from domain.calendar import months
from domain.kinds import Disclosure, LinkKind, Role
from domain.powers import usual
from domain.records import (
    Capability,
    CapabilityPrice,
    CapacityMonth,
    Certificate,
    Organisation,
    Record,
    SupplyLink,
    User,
)

NAME = "云帆市"
MARK = "（演示）"
SOURCE = "演示数据"
DOMAIN = "yunfan.invalid"
"""A top-level domain that can never exist (RFC 2606, section 2): a letter to these people reaches nobody."""
SEED = 20270301

FEN = 100
MILLION = 100_000_000
PRODUCTS_MEDIAN, PRODUCTS_DEVIATION, PRODUCTS_MOST = 7, 0.87, 20
OWN_TRADE = 0.7
TURNOVER_MEDIAN, SIZE_DEVIATION = 300 * MILLION, 1.15
SME_BELOW = 400 * MILLION
NAMED_OF_FIVE = 0.32
RANK_SHARES = (1130, 650, 470, 370, 300)
KEPT_NEXT_YEAR = 0.41
OWNERSHIP = {"民营企业": 66, "地方国有企业": 12, "公众企业": 10, "中央国有企业": 7, "外资企业": 5}
COUNTRIES = ("ID", "VN", "TH", "MY", "SA", "AE", "KE", "EG", "KZ", "BR", "MX", "PH")
GENERAL_SCHEMES = {"ISO 9001": 0.85, "ISO 14001": 0.5, "ISO 45001": 0.35}
FIRST = (
    ("海", "Hai"), ("澜", "Lan"), ("擎", "Qing"), ("岚", "Lan"), ("衡", "Heng"), ("曜", "Yao"), ("启", "Qi"),
    ("骏", "Jun"), ("澄", "Cheng"), ("屿", "Yu"), ("砺", "Li"), ("泓", "Hong"), ("瀚", "Han"), ("沐", "Mu"),
    ("辰", "Chen"), ("鲲", "Kun"),
)  # fmt: skip
SECOND = (
    ("越", "yue"), ("宁", "ning"), ("拓", "tuo"), ("川", "chuan"), ("盛", "sheng"), ("达", "da"), ("和", "he"),
    ("源", "yuan"), ("联", "lian"), ("创", "chuang"), ("智", "zhi"), ("航", "hang"), ("信", "xin"), ("远", "yuan"),
)  # fmt: skip

Brand = tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One trade: its name, its phrases in both languages, the middle of its figures, and whom it buys from."""

    key: str
    firms: int
    trade: tuple[str, str]
    unit: str
    monthly: int
    price: int
    lead: int
    buys: tuple[str, ...]
    near: tuple[str, ...]
    schemes: tuple[str, ...]
    phrases: tuple[tuple[str, str], ...]
    grade: str | None = None
    service: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The rows of a whole city, in the order in which they can be written, and who acts for which firm."""

    bureau: Organisation
    operator: Organisation
    leaders: Mapping[str, Organisation]
    organisations: tuple[Organisation, ...]
    users: tuple[User, ...]
    capabilities: tuple[Capability, ...]
    prices: tuple[CapabilityPrice, ...]
    months: tuple[CapacityMonth, ...]
    certificates: tuple[Certificate, ...]
    links: tuple[SupplyLink, ...]

    @property
    def rows(self) -> tuple[Sequence[Record], ...]:
        """Everything, table by table."""
        return (
            self.organisations,
            self.users,
            self.capabilities,
            self.prices,
            self.months,
            self.certificates,
            self.links,
        )

    def actors(self) -> dict[UUID, Actor]:
        """Return, for each organisation, its person as an actor."""
        users = {user.organisation_id: user.id for user in self.users}
        return {
            each.id: Actor(
                user_id=users[each.id], organisation_id=each.id, roles=frozenset(Role(role) for role in each.roles)
            )
            for each in self.organisations
        }


@cache
def plan_of_city() -> Mapping[str, Any]:
    """Return ``city.toml`` as it stands."""
    with (Path(__file__).parent / "city.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def families() -> Mapping[str, Family]:
    """Return the city's trades by key."""
    found = {}
    for told in plan_of_city()["family"]:
        plain = {name: value for name, value in told.items() if name != "words"}
        lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
        found[told["key"]] = Family(**plain | lists, phrases=_phrases(told["words"].strip().splitlines()))
    return found


def _phrases(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    pairs = (line.partition(" | ") for line in lines)
    return tuple((chinese.strip(), english.strip()) for chinese, _, english in pairs)


def credit_code(number: int, kind: str = "91") -> str:
    """Return a well-formed unified social credit code that belongs to nobody: there is no registration area 999999.

    >>> credit_code(1)
    '91999999MA0000001N'
    """
    body = f"{kind}999999MA{number:07d}"
    return body + str(uscc.calc_check_digit(body))


def found(today: date, *, seed: int = SEED) -> City:
    """Return the city as it is founded on `today`."""
    return _Founding(today, seed).city()


@dataclass(slots=True)
class _Rows:
    """The rows so far."""

    organisations: list[Organisation] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    capabilities: list[Capability] = field(default_factory=list)
    prices: list[CapabilityPrice] = field(default_factory=list)
    months: list[CapacityMonth] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    links: list[SupplyLink] = field(default_factory=list)


class _Founding:
    """Draws a city, one decision after the other, from one seeded source."""

    def __init__(self, today: date, seed: int) -> None:
        self.today = today
        self.dice = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.rows = _Rows()
        self.firms: dict[str, list[Organisation]] = {key: [] for key in families()}

    def city(self) -> City:
        bureau = self.office("云帆市商务局", "Yunfan Bureau of Commerce", Role.BUREAU, "bureau", "11")
        operator = self.office("云帆出海服务平台", "Yunfan Going-Abroad Platform", Role.OPERATOR, "operator", "12")
        leaders = {told["key"]: self.leader(told) for told in plan_of_city()["leader"]}
        names = self.dice.sample([(a, b) for a in FIRST for b in SECOND], k=sum(f.firms for f in families().values()))
        for family in families().values():
            for number in range(family.firms):
                self.firm(family, names.pop(), number)
        self.ties(leaders)
        return City(
            bureau=bureau,
            operator=operator,
            leaders=leaders,
            **{name: tuple(getattr(self.rows, name)) for name in _Rows.__slots__},
        )

    # ---- who there is ----

    def identity(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128), version=4)

    def organisation(self, name: str, name_en: str, role: Role, kind: str = "91", **over: Any) -> Organisation:
        row = Organisation(
            id=self.identity(),
            name=name + MARK,
            name_en=f"{name_en} (demonstration)",
            short_name=name.removeprefix("云帆")[:12],
            credit_code=credit_code(len(self.rows.organisations) + 1, kind),
            roles=[str(role)],
            city=NAME,
            demonstration=True,
            **over,
        )
        self.rows.organisations.append(row)
        return row

    def person(self, organisation: Organisation, name: str, address: str) -> None:
        self.rows.users.append(
            User(
                id=self.identity(),
                organisation_id=organisation.id,
                email=f"{address}@{DOMAIN}",
                name=name,
                password_hash="",
                duties=[
                    str(duty)
                    for duty in usual(
                        [Role(role) for role in organisation.roles],
                        first=all(known.organisation_id != organisation.id for known in self.rows.users),
                    )
                ],
            )
        )

    def office(self, name: str, name_en: str, role: Role, address: str, kind: str) -> Organisation:
        row = self.organisation(name, name_en, role, kind, verification=3)
        self.person(row, {Role.BUREAU: "商务局科长（演示）"}.get(role, "平台管理员（演示）"), address)
        return row

    def leader(self, told: Mapping[str, Any]) -> Organisation:
        row = self.organisation(
            told["name"] + "有限公司",
            told["name_en"],
            Role.CHAIN_LEADER,
            industry=told["industry"],
            ownership="地方国有企业",
            founded=self.before(years=(15, 30)),
            registered_capital=told["turnover"] * FEN // 5,
            turnover=told["turnover"] * FEN,
            business_scope=f"演示数据。{told['industry']}。",
            sme=False,
            grades=dict(told["grades"]),
            verification=told["verification"],
        )
        self.person(row, "海外项目经理（演示）", {"storage": "leader"}.get(told["key"], told["key"]))
        for phrase, english in _phrases(told["phrases"]):
            self.capability(row, phrase, english, told, figures=True)
        self.certify(row, ("ISO 45001",))
        return row

    def firm(self, family: Family, brand: Brand, number: int) -> None:
        (first, first_en), (second, second_en) = brand
        turnover = round(self.dice.lognormvariate(0, SIZE_DEVIATION) * TURNOVER_MEDIAN) // MILLION * MILLION + MILLION
        told = self.dice.random() > 0.05
        row = self.organisation(
            f"云帆{first}{second}{family.trade[0]}有限公司",
            f"Yunfan {first_en}{second_en} {family.trade[1]}",
            Role.SERVICE_PROVIDER if family.service else Role.SUPPLIER,
            industry=family.trade[0],
            ownership=self.one_of(OWNERSHIP),
            founded=self.before(years=(3, 28)),
            registered_capital=max(MILLION, turnover // 6 // MILLION * MILLION),
            turnover=turnover if told else None,
            business_scope=f"演示数据。{'、'.join(phrase for phrase, _ in family.phrases[:5])}。",
            sme=turnover < SME_BELOW if told else None,
            grades={family.grade: self.dice.choice((1, 2, 2, 3))} if family.grade else {},
            verification=self.dice.choices((0, 1, 2, 3), (2, 4, 3, 1))[0],
        )
        self.firms[family.key].append(row)
        self.person(row, "经办人（演示）", f"firm{len(self.rows.organisations):03d}")
        self.declare(row, family, turnover, number)
        self.certify(row, family.schemes)

    # ---- what they declare ----

    def declare(self, firm: Organisation, family: Family, turnover: int, number: int) -> None:
        """Declare products, most of the firm's own trade; one firm in seven states no figure at all.

        Each firm of a trade has another of its main products for sure, so that none of them lacks a maker.
        """
        count = round(self.dice.lognormvariate(0, PRODUCTS_DEVIATION) * PRODUCTS_MEDIAN)
        count = min(max(count, 1), PRODUCTS_MOST)
        own = min(len(family.phrases), max(1, round(OWN_TRADE * count)))
        size = min(2.5, max(0.4, (turnover / TURNOVER_MEDIAN) ** 0.5))
        figures = self.dice.random() > 1 / 7
        for phrase, english in self.leading(family.phrases, own, number):
            self.capability(firm, phrase, english, family, figures=figures, size=size)
        beside = [(phrase, families()[key]) for key in family.near for phrase in families()[key].phrases]
        for (phrase, english), other in self.dice.sample(beside, k=min(len(beside), count - own)):
            self.capability(firm, phrase, english, other, figures=figures, size=size / 2)

    def leading(self, phrases: Sequence[tuple[str, str]], count: int, sure: int) -> list[tuple[str, str]]:
        """Draw phrases, one of them for `sure`; the first ones, a trade's main products, are the likeliest."""
        weighed = sorted(range(len(phrases)), key=lambda place: (place != sure, self.dice.random() * (place + 1)))
        return [phrases[place] for place in sorted(weighed[:count])]

    def capability(
        self,
        firm: Organisation,
        phrase: str,
        english: str,
        family: "Family | Mapping[str, Any]",
        *,
        figures: bool,
        size: float = 1.0,
    ) -> None:
        usual = family if isinstance(family, Mapping) else {name: getattr(family, name) for name in USUAL}
        row = Capability(
            id=self.identity(),
            organisation_id=firm.id,
            phrase=phrase,
            phrase_en=english,
            unit=usual["unit"],
            monthly_quantity=self.about(usual["monthly"] * size, 0.25) if self.says(figures, 0.9) else None,
            lead_days=self.about(usual.get("lead", 60), 0.2) if self.says(figures, 0.85) else None,
            countries=sorted(self.dice.sample(COUNTRIES, k=self.dice.randint(3, 7))) if self.says(True, 0.5) else [],
            verification=self.dice.randint(0, min(2, firm.verification)),
            valid_to=self.after(days=(500, 1500)) if self.says(True, 0.15) else None,
        )
        self.rows.capabilities.append(row)
        if self.says(figures, 0.8):
            disclosure = Disclosure.MATCHED if self.says(True, 0.2) else Disclosure.SOLVER
            price = self.about(usual["price"] * FEN, 0.06)
            self.rows.prices.append(
                CapabilityPrice(capability_id=row.id, unit_price=price, currency="CNY", disclosure=disclosure)
            )
        if row.monthly_quantity and self.says(True, 0.1):
            self.busy_year(row, row.monthly_quantity)

    def busy_year(self, capability: Capability, usual: int) -> None:
        """State twelve months one by one: part of each is promised elsewhere already."""
        first = self.today.replace(day=1)
        for month in months(first, first + timedelta(days=345)):
            self.rows.months.append(
                CapacityMonth(
                    capability_id=capability.id,
                    organisation_id=capability.organisation_id,
                    month=month,
                    declared=usual * self.dice.randint(40, 100) // 100,
                )
            )

    def certify(self, firm: Organisation, schemes: Iterable[str]) -> None:
        """Enter general certificates (three years) and those of the trade (five); one firm in ten enters none."""
        if not self.says(True, 0.9):
            return
        wanted = {scheme: (3, likely) for scheme, likely in GENERAL_SCHEMES.items()}
        for scheme, (years, likely) in (wanted | {scheme: (5, 0.85) for scheme in schemes}).items():
            if self.says(True, likely):
                begun = self.today - timedelta(days=self.dice.randint(60, 600))
                self.rows.certificates.append(
                    Certificate(
                        id=self.identity(),
                        organisation_id=firm.id,
                        scheme=scheme,
                        number=f"DEMO-{len(self.rows.certificates) + 1:05d}",
                        issuer="演示认证机构",
                        valid_from=begun,
                        valid_to=begun + timedelta(days=365 * years),
                        verification=min(2, firm.verification),
                    )
                )

    # ---- whom they buy from ----

    def ties(self, leaders: Mapping[str, Organisation]) -> None:
        """Name suppliers of the last two years, and joint projects of chain leaders with their larger suppliers."""
        buyers = [(leaders[told["key"]], told["buys"]) for told in plan_of_city()["leader"]]
        buyers += [(firm, families()[key].buys) for key, firms in self.firms.items() for firm in firms]
        for buyer, trades in buyers:
            sellers = [firm for key in trades for firm in self.firms[key] if firm.id != buyer.id]
            if sellers:
                self.purchases(buyer, sellers, chosen=5 if buyer.id in {each.id for each in leaders.values()} else 0)

    def purchases(self, buyer: Organisation, sellers: Sequence[Organisation], chosen: int) -> None:
        last = self.today.year - 1
        earlier = self.named(sellers, chosen)
        kept = [seller for seller in earlier if self.dice.random() < KEPT_NEXT_YEAR]
        later = kept + [seller for seller in self.named(sellers, chosen) if seller not in kept]
        for year, named in ((last - 1, earlier), (last, later[:5])):
            for rank, seller in enumerate(named, start=1):
                share = min(9_000, self.about(RANK_SHARES[rank - 1], 0.5))
                self.link(seller, buyer, LinkKind.SUPPLIES, year, share=share, rank=rank)
        for partner in earlier if chosen else []:
            self.link(partner, buyer, LinkKind.PARTNERED, last - 1)

    def named(self, sellers: Sequence[Organisation], chosen: int) -> list[Organisation]:
        count = chosen or sum(self.dice.random() < NAMED_OF_FIVE for _ in range(5))
        return self.dice.sample(sellers, k=min(count, len(sellers)))

    def link(self, seller: Organisation, buyer: Organisation, kind: LinkKind, year: int, **over: Any) -> None:
        self.rows.links.append(
            SupplyLink(
                id=self.identity(),
                supplier_id=seller.id,
                buyer_id=buyer.id,
                kind=kind,
                year=year,
                source=SOURCE,
                confidence=self.dice.choice((60, 80, 90)),
                product=seller.industry,
                **over,
            )
        )

    # ---- dice ----

    def says(self, figures: bool, likely: float) -> bool:
        """Tell whether something is stated; a die is thrown in any case, so that one answer does not move the next."""
        return self.dice.random() < likely and figures

    def about(self, middle: float, deviation: float) -> int:
        """Return a figure around `middle`, never less than one, to three digits."""
        value = max(1, round(middle * self.dice.lognormvariate(0, deviation)))
        digits = max(0, len(str(value)) - 3)
        return int(round(value, -digits))

    def one_of(self, weights: Mapping[str, int]) -> str:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def before(self, *, years: tuple[int, int]) -> date:
        return date(self.today.year - self.dice.randint(*years), self.dice.randint(1, 12), self.dice.randint(1, 28))

    def after(self, *, days: tuple[int, int]) -> date:
        return self.today + timedelta(days=self.dice.randint(*days))


USUAL = ("unit", "monthly", "price", "lead")
