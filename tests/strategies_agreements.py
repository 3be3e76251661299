"""Agreements as members could come to them: two to six firms, packages of one or several, prices stated or not."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from coalitions.agreement import Party, Project, Work, body
from coalitions.clauses import NEWEST, Choices, Forum, Holder, Results
from tests.factories import credit_code

NAMES = (
    "演示电芯股份有限公司",
    "演示变流有限公司",
    "Demo Logistics PT",
    "演示电缆有限公司",
    "演示软件有限公司",
    "演示土建有限公司",
)
PACKAGES = ("WP01", "WP02", "WP03")


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the body of an agreement in which every member has work."""
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    currency = draw(st.sampled_from(("CNY", "USD", "JPY", "KWD")))
    project = Project(
        title="中爪哇储能电站", country="ID", currency=currency, starts=date(2027, 6, 1), ends=date(2028, 7, 31),
        edition=draw(st.integers(1, 9)),
    )  # fmt: skip
    lead = draw(st.integers(0, len(names) - 1))
    parties = [
        Party(
            name=name,
            credit_code=None if name.isascii() else credit_code(number),
            lead=number == lead,
            edition=draw(st.integers(1, 9)),
            work=tuple(draw(works(package)) for package in draw(st.sets(st.sampled_from(PACKAGES), min_size=1))),
        )
        for number, name in enumerate(names)
    ]
    return body(
        project,
        parties,
        edition=draw(st.integers(1, 20)),
        performance=draw(st.sampled_from(("divided", "joint", "mixed"))),
        liability=draw(st.sampled_from(("joint_and_several", "several"))),
        clauses=draw(st.none() | choices()),
    )


def choices() -> st.SearchStrategy[dict[str, Any]]:
    """Draw the choices of a leader among the clauses of the newest library."""
    return st.builds(
        Choices, edition=st.just(NEWEST), law=st.sampled_from(("CN", "SG")), forum=st.sampled_from(Forum),
        security=st.sampled_from(Holder), results=st.sampled_from(Results), exit_days=st.integers(1, 365),
    ).map(Choices.data)  # fmt: skip


@st.composite
def works(draw: st.DrawFn, package: str) -> Work:
    """Draw a member's part of a package."""
    units, price = draw(st.integers(1, 10**6)), draw(st.none() | st.integers(1, 10**9))
    return Work(
        package=package,
        name=f"设备 {package}",
        units=units,
        unit=draw(st.sampled_from(("SET", "C62", "MWH"))),
        unit_price=price,
        value=draw(st.integers(0, 10**13)) if price is None else units * price,
    )
