"""A table as a file for a spreadsheet, in which no cell is ever taken for a formula."""

import csv
import io
from collections.abc import Sequence

import xlsxwriter

Cell = str | int | None
Line = Sequence[Cell]
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def inert(cell: Cell) -> str:
    """Return a cell of a CSV file as text that no spreadsheet runs (OWASP, CSV Injection; CWE-1236).

    >>> inert("=HYPERLINK(1)"), inert("演示联合体"), inert(-4), inert(None)
    ("'=HYPERLINK(1)", '演示联合体', '-4', '')
    """
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return "" if cell is None else str(cell)


def as_csv(lines: Sequence[Line]) -> bytes:
    """Return a table, its headings first, as CSV in UTF-8 with a byte order mark, so that spreadsheets read Chinese.

    >>> as_csv([("月份", "可用"), ("2027-06", 50)]).decode("utf-8-sig").splitlines()
    ['月份,可用', '2027-06,50']
    """
    content = io.StringIO(newline="")
    csv.writer(content).writerows([[inert(cell) for cell in line] for line in lines])
    return content.getvalue().encode("utf-8-sig")


def as_xlsx(lines: Sequence[Line], widths: Sequence[int]) -> bytes:
    """Return a table, its headings first, as XLSX: texts stored as text, figures as figures, nothing as a formula."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        bold, plain = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        for number, line in enumerate(lines):
            for place, cell in enumerate(line):
                if isinstance(cell, int):
                    sheet.write_number(number, place, cell)
                elif cell is not None:
                    sheet.write_string(number, place, cell, plain if number else bold)
    return content.getvalue()
