"""The child process that reads one workbook, under limits, and dies alone when the workbook is hostile.

It is run by its path, never imported: the workbook comes on standard input, one JSON line a row leaves on standard
output: ``[sheet, row number, [cells]]``. Dates are written as ``{"day": "2026-03-01"}`` or ``{"moment": …}``.
"""

import io
import json
import resource
import sys
from datetime import date, datetime, timedelta
from datetime import time as clock

MEMORY = 1 << 30
SECONDS = 20
OUTPUT = 256 << 20
BROKEN = 3


def limit() -> None:
    """Bind this process to a gigabyte of memory, some seconds of work and a bounded output; it may open no process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def plain(cell: object) -> object:
    """Return a cell as something JSON can carry."""
    if isinstance(cell, datetime):
        return {"moment": cell.isoformat()}
    if isinstance(cell, date):
        return {"day": cell.isoformat()}
    if isinstance(cell, (clock, timedelta)):
        return str(cell)
    return None if cell == "" else cell


def main() -> int:
    """Read the workbook on standard input; ``BROKEN`` says that it cannot be read."""
    limit()
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        for name in book.sheet_names:
            for number, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1):
                cells = [plain(cell) for cell in row]
                if any(cell is not None for cell in cells):
                    sys.stdout.write(json.dumps([name, number, cells], ensure_ascii=False) + "\n")
    except CalamineError:
        return BROKEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
