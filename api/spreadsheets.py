"""The one door through which tables leave for spreadsheets: no cell of theirs is ever taken for a formula.

A CSV cell that a spreadsheet would run gets an apostrophe before it (OWASP, CSV Injection; CWE-1236), and a table with
a separator of another country inside a cell has all its cells quoted, so that none of them is split into one that runs.
A workbook is opened here with everything switched off that makes text into something else. Names of files follow
RFC 6266. `tests/house` lets nothing else of ours write either format.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import xlsxwriter

BOM = "\ufeff"
"""What makes Excel and WPS read UTF-8 as such."""
RUN = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
BLANK = ("\t", "\r", "\n")
SEPARATORS = frozenset(";\t|")
PLAIN: dict[str, Any] = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def inert(cell: Any) -> str:
    """Return a cell of a CSV file as text that no spreadsheet runs.

    >>> inert("=HYPERLINK(1)"), inert(" @SUM(1)"), inert("演示联合体"), inert(-4), inert(None)
    ("'=HYPERLINK(1)", "' @SUM(1)", '演示联合体', '-4', '')
    """
    if isinstance(cell, str):
        runs = cell.startswith(BLANK) or cell.lstrip().lstrip("\ufeff'\"").startswith(RUN)
        return f"'{cell}" if runs else cell
    return "" if cell is None else str(cell)


def csv_text(lines: Iterable[Iterable[Any]]) -> str:
    """Return a table as CSV (RFC 4180), its cells inert.

    >>> csv_text([("a", -1), ("x;=1+1", "-1")]).splitlines()
    ['"a","-1"', '"x;=1+1","\\'-1"']
    """
    table = [[inert(cell) for cell in line] for line in lines]
    apart = any(SEPARATORS & set(cell) for line in table for cell in line)
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL if apart else csv.QUOTE_MINIMAL).writerows(table)
    return content.getvalue()


def csv_bytes(lines: Iterable[Iterable[Any]]) -> bytes:
    """Return a table as CSV in UTF-8 with a byte order mark, by which spreadsheets read Chinese.

    >>> csv_bytes([("月份", "可用"), ("2027-06", 50)]).decode("utf-8-sig").splitlines()
    ['月份,可用', '2027-06,50']
    """
    return csv_text(lines).encode("utf-8-sig")


@contextmanager
def workbook(content: io.BytesIO) -> Iterator[Any]:
    """Open a workbook that is written to `content`, in which text stays text."""
    with xlsxwriter.Workbook(content, PLAIN) as book:
        yield book


def write_cell(sheet: Any, line: int, place: int, cell: str | int | None, style: Any = None) -> None:
    """Write a figure as a figure and everything else as a text."""
    if isinstance(cell, int):
        sheet.write_number(line, place, cell)
    elif cell is not None:
        sheet.write_string(line, place, cell, style)


def xlsx_bytes(lines: Sequence[Sequence[str | int | None]], widths: Sequence[int]) -> bytes:
    """Return a table, its headings first, as a workbook of one sheet."""
    content = io.BytesIO()
    with workbook(content) as book:
        bold, plain = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        for number, line in enumerate(lines):
            for place, cell in enumerate(line):
                write_cell(sheet, number, place, cell, plain if number else bold)
    return content.getvalue()


def attachment(name: str, plain: str | None = None) -> str:
    """Return the value of Content-Disposition for a file called `name`; `plain` is how old programs call it.

    >>> print(attachment("台账.csv", "ledger.csv"))
    attachment; filename="ledger.csv"; filename*=UTF-8''%E5%8F%B0%E8%B4%A6.csv
    >>> print(attachment("plain-1.csv"))
    attachment; filename="plain-1.csv"
    """
    known = plain or name
    safe = "".join(each if each.isascii() and (each.isalnum() or each in " ._-") else "_" for each in known)
    same = safe == name
    return f'attachment; filename="{safe}"' + ("" if same else f"; filename*=UTF-8''{quote(name, safe='')}")
