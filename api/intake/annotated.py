"""The rows that were refused, given back with what is wrong beside them, safe to open in a spreadsheet."""

import io
import re
from collections.abc import Callable, Iterator, Sequence

from api.intake.sheet import Line, Sheet
from api.intake.values import text
from api.spreadsheets import workbook
from domain.errors import Fault

Said = Callable[[Fault], str]

_PLACE = re.compile(r"(.*?)row (\d+)(?:, (.*))?")


def rows(faults: Sequence[Fault], table: Sheet | None, said: Said, headings: Sequence[str]) -> Iterator[list[str]]:
    """Yield a heading row, then one row a fault: where, what is wrong, its code, and the row as it was written."""
    lines = {line.number: line for line in table.lines} if table else {}
    first = table.lines[0] if table and table.lines else None
    yield [*headings, *_written(first)]
    for fault in faults:
        place = _PLACE.fullmatch(fault.where)
        line = lines.get(int(place[2])) if place else None
        number = place[2] if place else fault.where
        column = (place[3] or "") if place else ""
        yield [number, column, said(fault), fault.code, *_written(line)]


def as_workbook(table: Sequence[Sequence[str]]) -> bytes:
    """Return a table as XLSX whose every cell is a text, the columns that say what is wrong in red."""
    content = io.BytesIO()
    with workbook(content) as book:
        plain, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True})
        wrong = book.add_format({"num_format": "@", "font_color": "#B42318", "bg_color": "#FEF3F2"})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 0, 8)
        sheet.set_column(1, 3, 28)
        for number, row in enumerate(table):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell, bold if number == 0 else wrong if place < 4 else plain)
    return content.getvalue()


def _written(line: Line | None) -> list[str]:
    return ["" if cell is None else text(cell) for cell in line.cells] if line else []
