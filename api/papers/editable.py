"""The agreement as DOCX, to negotiate: styles, numbered articles and clauses, tables that can be edited.

Articles and clauses are numbered by the word processor (ECMA-376, part 1, 17.9), each language with a list of its own,
so that a clause which is added or struck out renumbers the rest. A copy says at its head what the edition is worth.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.document import Document
from docx.enum.section import WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from api.i18n import Locale
from api.papers.qr import as_png
from api.papers.wording import FIGURES, WIDTHS, Grid, Section, Sheet, Text, joined, mark
from coalitions.validity import Validity

PAGE = (Mm(210), Mm(297))
MARGIN = Mm(22)
TEXT_WIDTH = 166
"""Millimetres between the margins."""

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP archive can tell; ours tell no other, so that the same sheet gives the same bytes."""

LATIN, SONG, HEI = "Times New Roman", "SimSun", "SimHei"
BLACK, RED, FAINT = RGBColor(0, 0, 0), RGBColor(0xB3, 0x26, 0x1E), RGBColor(0x6E, 0x6E, 0x6E)
SIZES = {"Title": 17, "Heading 1": 12, "Table Text": 9, "Table Heading": 9, "Small": 8.5, "Header": 8, "Footer": 8}
"""Points of the styles that differ from the text."""

ARTICLE: dict[Locale, str] = {"zh-CN": "第%1条", "en": "Article %1"}
"""What stands around the number of an article."""


def as_docx(sheet: Sheet, standing: Validity, frozen_at: datetime) -> bytes:
    """Return a sheet as a document for a word processor, marked with what its edition is worth."""
    document = docx.Document()
    _properties(document, sheet, frozen_at)
    _styles(document, sheet.languages)
    _margins(document, sheet, standing)
    _title(document, sheet)
    for part in sheet.articles:
        _section(document, sheet, part, numbered=True)
    _signatures(document, sheet)
    _verification(document, sheet)
    for part in sheet.annexes:
        document.add_section(WD_SECTION.NEW_PAGE)
        _section(document, sheet, part, numbered=False)
    return _packed(document)


def _properties(document: Document, sheet: Sheet, frozen_at: datetime) -> None:
    told = document.core_properties
    when = frozen_at.astimezone(UTC).replace(tzinfo=None)
    told.title, told.author, told.last_modified_by = joined(sheet.title)[:255], "LianZhou 链舟", ""
    told.created = told.modified = when
    told.comments, told.identifier, told.language = "", f"sha256:{sheet.sha256}", sheet.languages[0]


# ------------------------------------------------------------------ styles and numbers


def _styles(document: Document, languages: Sequence[Locale]) -> None:
    for language in document.styles.element.xpath("w:docDefaults//w:lang"):
        language.set(qn("w:eastAsia"), "zh-CN")
    normal = _style(document, "Normal")
    normal.font.size = Pt(10.5)
    _fonts(normal, SONG)
    normal.paragraph_format.space_after = Pt(4)
    for name, size in SIZES.items():
        style = _style(document, name)
        style.font.size, style.font.bold, style.font.color.rgb = Pt(size), name == "Title", BLACK
        _fonts(style, HEI if name in ("Title", "Heading 1", "Table Heading") else SONG)
    heading = _style(document, "Heading 1").paragraph_format
    heading.space_before, heading.space_after, heading.keep_with_next = Pt(12), Pt(4), True
    title = _style(document, "Title")
    title.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.element.get_or_add_pPr().remove_all("w:pBdr")
    for name in ("Table Text", "Table Heading"):
        around = _style(document, name).paragraph_format
        around.space_before = around.space_after = Pt(2)
    for number, locale in enumerate(languages, 90):
        for level, kind in enumerate(("Article", "Clause")):
            style = _style(document, f"{kind} {locale}", "Heading 1" if kind == "Article" else "Normal")
            _list_of(style, number, level)
            style.element.get_or_add_rPr().append(_element("w:lang", val=locale, eastAsia=locale))
        _list(document, locale, number)


def _style(document: Document, name: str, base: str = "Normal") -> ParagraphStyle:
    """Return a paragraph style by name, made on `base` where the document has none."""
    styles: Any = document.styles
    if name not in styles:
        made = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        made.base_style, made.quick_style = styles[base], True
    style: ParagraphStyle = styles[name]
    return style


def _fonts(style: ParagraphStyle, chinese: str) -> None:
    style.font.name = LATIN
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for themed in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{themed}"), None)
    fonts.set(qn("w:eastAsia"), chinese)


def _list_of(style: ParagraphStyle, number: int, level: int) -> None:
    """Let paragraphs of a style be counted at one level of a list."""
    counted = style.element.get_or_add_pPr().get_or_add_numPr()
    counted.get_or_add_ilvl().val, counted.get_or_add_numId().val = level, number


def _list(document: Document, locale: Locale, number: int) -> None:
    """Define the list that counts articles and clauses of one language, and that styles name as `number`."""
    numbering: Any = document.part.numbering_part.element
    levels = (_level(0, ARTICLE[locale], f"Article{locale}"), _level(1, "%1.%2", f"Clause{locale}"))
    abstract = _element("w:abstractNum", _element("w:multiLevelType", val="multilevel"), *levels, abstractNumId=number)
    numbering.insert(0, abstract)
    numbering.append(_element("w:num", _element("w:abstractNumId", val=number), numId=number))


def _level(level: int, around: str, style: str) -> Any:
    told = [
        _element("w:start", val=1),
        _element("w:numFmt", val="decimal"),
        _element("w:pStyle", val=style),
        _element("w:suff", val="space"),
        _element("w:lvlText", val=around),
        _element("w:lvlJc", val="left"),
    ]
    return _element("w:lvl", *told, ilvl=level)


def _element(tag: str, *inside: Any, **attributes: object) -> Any:
    made = OxmlElement(tag)
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), str(value))
    made.extend(inside)
    return made


# ------------------------------------------------------------------ parts of the page


def _margins(document: Document, sheet: Sheet, standing: Validity) -> None:
    page = document.sections[0]
    page.page_width, page.page_height = PAGE
    page.left_margin = page.right_margin = MARGIN
    head = page.header.paragraphs[0]
    head.alignment = WD_ALIGN_PARAGRAPH.CENTER
    marks = [sheet.labels["demonstration"]] if sheet.demonstration else []
    head.add_run(" · ".join(map(joined, (mark(sheet, standing), *marks)))).font.color.rgb = RED
    foot = page.footer.paragraphs[0]
    foot.add_run(f"SHA-256 {sheet.sha256}\n{joined(sheet.labels['page'])} ")
    _field(foot, "PAGE")
    foot.add_run(" / ")
    _field(foot, "NUMPAGES")


def _field(paragraph: Paragraph, instruction: str) -> None:
    """Add a figure that the word processor works out; nothing but our own instructions ever stands here."""
    run: Any = paragraph.add_run()._r
    told = _element("w:instrText")
    told.text = instruction
    run.extend((_element("w:fldChar", fldCharType="begin"), told, _element("w:fldChar", fldCharType="end")))


def _title(document: Document, sheet: Sheet) -> None:
    document.add_paragraph(joined(sheet.title, "\n"), style="Title")
    edition = document.add_paragraph(joined(sheet.labels["edition"]), style="Small")
    edition.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _said(document, sheet, [(text, None) for text in sheet.preamble])


def _section(document: Document, sheet: Sheet, part: Section, *, numbered: bool) -> None:
    heading, clause = ("Article", "Clause") if numbered else (None, None)
    if not numbered:
        document.add_paragraph(joined(part.heading, "  "), style="Heading 1")
    opening = [(part.heading, heading)] if numbered else []
    _said(document, sheet, [*opening, *((text, clause) for text in part.paragraphs)])
    if part.grid:
        _grid(document, part.grid)


def _said(document: Document, sheet: Sheet, texts: Iterable[tuple[Text, str | None]]) -> None:
    """Write texts below each other; two languages stand side by side, what belongs together in one row."""

    def styled(kind: str | None, locale: Locale) -> str:
        return f"{kind} {locale}" if kind else "Normal"

    if len(sheet.languages) == 1:
        for (only,), kind in texts:
            document.add_paragraph(only, style=styled(kind, sheet.languages[0]))
        return
    rows = list(texts)
    table = _table(document, len(rows), (TEXT_WIDTH / 2,) * 2, "Normal Table")
    for row, (text, kind) in zip(table.rows, rows, strict=True):
        for cell, said, locale in zip(row.cells, text, sheet.languages, strict=True):
            _write(cell, said, styled(kind, locale))


def _grid(document: Document, grid: Grid) -> None:
    widths = [WIDTHS[column] for column in grid.columns]
    table = _table(document, len(grid.rows) + 1, [TEXT_WIDTH * width / sum(widths) for width in widths], "Table Grid")
    first: Any = table.rows[0]._tr
    first.get_or_add_trPr().append(_element("w:tblHeader"))
    for number, (row, texts) in enumerate(zip(table.rows, (grid.headings, *grid.rows), strict=True)):
        shown: Any = row._tr
        shown.get_or_add_trPr().append(_element("w:cantSplit"))
        if number and "seal" in grid.columns:
            row.height = Mm(16)
        weighty = number == 0 or (grid.summed and number == len(grid.rows))
        for cell, text, column in zip(row.cells, texts, grid.columns, strict=True):
            said = _write(cell, joined(text, "\n"), "Table Heading" if weighty else "Table Text")
            if column in FIGURES:
                said.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.add_paragraph(style="Small")


def _table(document: Document, rows: int, widths: Sequence[float], style: str) -> Table:
    """Add a table with fixed widths, in millimetres."""
    table: Table = document.add_table(rows, len(widths), style=style)
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)
    return table


def _write(cell: _Cell, text: str, style: str) -> Paragraph:
    paragraph: Paragraph = cell.paragraphs[0]
    paragraph.style = style
    paragraph.add_run(text)
    return paragraph


def _signatures(document: Document, sheet: Sheet) -> None:
    document.add_paragraph(joined(sheet.labels["signatures"], "  "), style="Heading 1")
    for member in sheet.signatures:
        lead = f" ({joined(sheet.labels['lead'])})" if member.lead else ""
        lines = [
            ("signed-by", member.name + lead),
            *([("credit-code", member.credit_code)] if member.credit_code else []),
            ("representative", "____________________"),
            ("date", "____________________"),
        ]
        table = _table(document, len(lines), (66, TEXT_WIDTH - 66), "Normal Table")
        for row, (label, value) in zip(table.rows, lines, strict=True):
            for cell, text in zip(row.cells, (joined(sheet.labels[label]), value), strict=True):
                _write(cell, text, "Normal").paragraph_format.keep_with_next = True
        document.add_paragraph(style="Small")


def _verification(document: Document, sheet: Sheet) -> None:
    table = _table(document, 1, (34, TEXT_WIDTH - 34), "Normal Table")
    picture, words = table.rows[0].cells
    picture.paragraphs[0].add_run().add_picture(BytesIO(as_png(sheet.address)), width=Mm(30))
    _write(words, joined(sheet.labels["hash"]), "Small")
    for text in (sheet.sha256, *sheet.labels["verify"], sheet.address):
        words.add_paragraph(text, style="Small")
    for text in sheet.labels["lawyer"]:
        words.add_paragraph(text, style="Small").runs[0].font.color.rgb = FAINT


# ------------------------------------------------------------------ the file


def _packed(document: Document) -> bytes:
    """Return the document as a file whose parts stand in the same order with the same moment."""
    written, packed = BytesIO(), BytesIO()
    document.save(written)
    with ZipFile(written) as loose, ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name in sorted(loose.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            archive.writestr(ZipInfo(name, EARLIEST), loose.read(name), ZIP_DEFLATED)
    return packed.getvalue()
