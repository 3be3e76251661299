"""The agreement as PDF: the same agreement, the same bytes, on every machine.

Typst sets it, with the fonts of one package and none of the machine's. What may change later, such as who has signed,
is not in it: it names the hash of the original and the address where that is verified. It keeps to PDF/A-2a
(ISO 19005-2) and PDF/UA-1 (ISO 14289-1), so that it can be archived and read aloud.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from api.papers.qr import as_svg
from api.papers.wording import FIGURES, WIDTHS, Sheet
from domain.errors import RuleBroken

TEMPLATE = Path(__file__).with_name("agreement.typ")
FONTS = "pylopdf_fonts_zh_cn"
"""The package with Noto Serif SC and Noto Sans SC (SIL Open Font License); another with the same families would do."""


class NoGlyph(RuleBroken):
    """The fonts of the PDF lack a character that the agreement holds."""

    code = "no-glyph"


def as_pdf(sheet: Sheet, frozen_at: datetime) -> bytes:
    """Return a sheet as PDF, dated `frozen_at`, when its agreement was frozen.

    Raises NoGlyph naming the characters that cannot be set; a contract with holes in it is worse than none.
    """
    try:
        made = typst.Compiler(TEMPLATE.read_bytes(), font_paths=_fonts(), ignore_system_fonts=True).compile(
            format="pdf", sys_inputs={"sheet": json.dumps(_data(sheet, frozen_at))}, pdf_standards=["a-2a", "ua-1"]
        )
    except typst.TypstError as error:
        characters = lacking(str(error.diagnostic))
        if not characters:
            raise
        raise NoGlyph(characters=characters) from error
    assert isinstance(made, bytes)  # several images would be a list; a PDF is one file
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=[Path(str(files(FONTS)))])


def lacking(diagnostic: str) -> str:
    """Return the characters that an error of Typst says have no glyph; "" when it says anything else too.

    >>> lacking('error: PDF/A-2a error: the text `"ป"` could not be displayed with font `"Noto Serif SC"`')
    'ป'
    >>> lacking("error: panicked")
    ''
    """
    lines = [line for line in diagnostic.splitlines() if line.startswith("error: ")]
    found = [line.partition('the text `"')[2].partition('"`')[0] for line in lines]
    return " ".join(dict.fromkeys(found)) if all(found) else ""


def _data(sheet: Sheet, frozen_at: datetime) -> dict[str, Any]:
    when = frozen_at.astimezone(UTC)
    data = asdict(sheet)
    for section in (*data["articles"], *data["annexes"]):
        if grid := section["grid"]:
            grid["widths"] = [WIDTHS[column] for column in grid["columns"]]
            grid["signed"] = "seal" in grid["columns"]
            grid["right"] = [column in FIGURES for column in grid["columns"]]
    parts = ("year", "month", "day", "hour", "minute", "second")
    return data | {"qr": as_svg(sheet.address), "date": {part: getattr(when, part) for part in parts}}
