"""Files that people might send: good tables in every accepted encoding, and tables with one known thing wrong.

Every firm here is fictional (演示数据).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xlsxwriter
from hypothesis import strategies as st

from api.intake.reading import Subject
from tests.factories import credit_code

Table = list[list[str]]

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")
DELIMITERS = (",", "\t", ";")

FIRMS = (
    "统一社会信用代码", "企业名称", "国家(地区)", "成立日期", "注册资本(元)", "中小企业", "LEI", "专业等级", "角色",
)  # fmt: skip
CAPABILITIES = (
    "统一社会信用代码", "能力名称", "单位", "月产能", "交付周期(天)", "可服务国家(地区)", "可用起", "可用止",
    "参考单价", "币种", "单价可见", "编码体系", "编码",
)  # fmt: skip
LINKS = ("供方", "需方", "关系", "年份", "占比(%)", "名次", "来源", "可信度(0-100)")

FIRST_ROW = 2
FIRST_FIRM = 9_000_001

BAD_FIRM_CELLS: tuple[tuple[str, str], ...] = (
    ("统一社会信用代码", ""),
    ("统一社会信用代码", "91350100M000100Y44"),
    ("统一社会信用代码", "12345"),
    ("企业名称", ""),
    ("企业名称", "长" * 201),
    ("企业名称", "榕江\u202e变流"),
    ("企业名称", "供应商A"),
    ("企业名称", "江苏××有限公司"),
    ("国家(地区)", "火星"),
    ("成立日期", "2026/13/01"),
    ("成立日期", "03/04/2026"),
    ("成立日期", "昨天"),
    ("注册资本(元)", "很多"),
    ("注册资本(元)", "-5"),
    ("注册资本(元)", "1.2.3"),
    ("注册资本(元)", "0.001"),
    ("注册资本(元)", "1,65,000"),
    ("中小企业", "也许"),
    ("LEI", "123"),
    ("专业等级", "power:x"),
    ("专业等级", "power:99"),
    ("角色", "火星人"),
    ("角色", "operator"),
    ("角色", "bureau"),
)
BAD_CAPABILITY_CELLS: tuple[tuple[str, str], ...] = (
    ("统一社会信用代码", ""),
    ("能力名称", ""),
    ("能力名称", "长" * 201),
    ("单位", "？？？"),
    ("单位", ""),
    ("月产能", "-1"),
    ("月产能", "1.5"),
    ("月产能", "不少"),
    ("月产能", "99亿"),
    ("交付周期(天)", "9999"),
    ("交付周期(天)", "三周"),
    ("可服务国家(地区)", "印度尼西亚;火星"),
    ("可用起", "2026-02-30"),
    ("可用止", "2020-01-01"),
    ("参考单价", "面议"),
    ("参考单价", "0.001"),
    ("参考单价", "-1"),
    ("币种", "ABC"),
    ("币种", ""),
    ("单价可见", "所有人"),
    ("编码体系", "XYZ"),
    ("编码体系", ""),
    ("编码", "85A4"),
)
BAD_LINK_CELLS: tuple[tuple[str, str], ...] = (
    ("关系", "朋友"),
    ("年份", ""),
    ("年份", "19"),
    ("年份", "去年"),
    ("占比(%)", "120"),
    ("占比(%)", "-3"),
    ("占比(%)", "一半"),
    ("名次", "0"),
    ("来源", ""),
    ("来源", "长" * 121),
    ("可信度(0-100)", "101"),
    ("供方", "长" * 201),
)
BAD_CELLS: Mapping[Subject, tuple[tuple[str, str], ...]] = {
    Subject.FIRMS: BAD_FIRM_CELLS,
    Subject.CAPABILITIES: BAD_CAPABILITY_CELLS,
    Subject.LINKS: BAD_LINK_CELLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A file with one wrong cell, and where it is."""

    subject: Subject
    content: bytes
    row: int
    heading: str
    given: str

    @property
    def where(self) -> str:
        """How a fault must name the place."""
        return f"row {self.row}, {self.heading}"


def firm_row(number: int) -> list[str]:
    """Return a good row of a fictional firm."""
    code = credit_code(FIRST_FIRM + number)
    return [code, f"演示企业{number}号有限公司", "中国", "2012年5月18日", "5,000万", "是", "", "power:2", "配套"]


def capability_row(number: int) -> list[str]:
    """Return a good row of what a fictional firm can do."""
    code = credit_code(FIRST_FIRM + number % 3)
    return [
        code, f"演示产品{number}", "台", "60", "120", "印度尼西亚；越南", "2026-01-01", "2028-12-31", "21.55万", "CNY",
        "匹配方", "HS", "8504.40",
    ]  # fmt: skip


def link_row(number: int) -> list[str]:
    """Return a good row of a tie between two firms known by name."""
    return [f"演示供方{number}有限公司", "演示需方有限公司", "供货", "2025", "12.5%", "1", "企业填报", "80"]


MAKERS = {Subject.FIRMS: firm_row, Subject.CAPABILITIES: capability_row, Subject.LINKS: link_row}
HEADINGS: Mapping[Subject, tuple[str, ...]] = {
    Subject.FIRMS: FIRMS,
    Subject.CAPABILITIES: CAPABILITIES,
    Subject.LINKS: LINKS,
}


def good_table(subject: Subject, rows: int) -> Table:
    """Return a table without faults, its headings first."""
    return [list(HEADINGS[subject]), *(MAKERS[subject](number) for number in range(rows))]


def as_csv(table: Sequence[Sequence[str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """Return a table as the bytes of a CSV file."""
    content = io.StringIO(newline="")
    csv.writer(content, delimiter=delimiter).writerows(table)
    return content.getvalue().encode(encoding)


def as_xlsx(*sheets: tuple[str, Sequence[Sequence[object]]]) -> bytes:
    """Return tables as the bytes of a workbook."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False}) as book:
        for name, table in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(table):
                for place, cell in enumerate(row):
                    if cell not in (None, ""):
                        sheet.write(number, place, cell)
    return content.getvalue()


@st.composite
def broken_files(draw: st.DrawFn) -> Broken:
    """Draw a table of one to six good rows, one cell of which is spoiled, in any form that we read."""
    subject = draw(st.sampled_from(list(BAD_CELLS)))
    table = good_table(subject, draw(st.integers(1, 6)))
    heading, given = draw(st.sampled_from(BAD_CELLS[subject]))
    place = draw(st.integers(1, len(table) - 1))
    table[place][HEADINGS[subject].index(heading)] = given
    blank_above = draw(st.integers(0, 2))
    order = draw(st.permutations(range(len(table[0]))))
    shuffled = [[row[column] for column in order] for row in table]
    padded = [[""] * len(table[0])] * blank_above + shuffled
    encoding = draw(st.sampled_from((*ENCODINGS, "xlsx")))
    content = as_xlsx(("数据", padded)) if encoding == "xlsx" else as_csv(padded, encoding)
    return Broken(subject=subject, content=content, row=place + 1 + blank_above, heading=heading, given=given)
