"""The workbooks people fill in: notes first, then one sheet a table, with drop-down lists and an example row."""

import io
from collections.abc import Mapping
from typing import Any, Literal

from api.intake.tables import Column, Form, constant, standard
from api.spreadsheets import workbook

Language = Literal["zh", "en"]

BOOKS: Mapping[str, tuple[str, ...]] = {
    "firms": ("firms",),
    "capabilities": ("capabilities",),
    "links": ("links",),
    "products": ("products",),
    "opportunity": ("opportunity", "packages", "requirements"),
}
"""The templates there are, and the tables of each."""

ROWS = 2_000
WIDTH = 20


def template(name: str, language: Language = "zh") -> bytes:
    """Return the workbook of one of `BOOKS`, with headings in one language; both are understood on import.

    >>> template("firms")[:2]
    b'PK'
    """
    content = io.BytesIO()
    with workbook(content) as book:
        _Writer(book, language).write(name, [standard(key) for key in BOOKS[name]])
    return content.getvalue()


class _Writer:
    def __init__(self, book: Any, language: Language) -> None:
        self.book = book
        self.language = language
        self.text = book.add_format({"num_format": "@"})
        self.head = book.add_format({"bold": True, "bg_color": "#EEF2F7", "border": 1, "num_format": "@"})
        self.must = book.add_format(
            {"bold": True, "bg_color": "#EEF2F7", "border": 1, "font_color": "#B42318", "num_format": "@"}
        )
        self.grey = book.add_format({"font_color": "#8A94A6", "italic": True, "num_format": "@"})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})

    def write(self, name: str, forms: list[Form]) -> None:
        self._notes(forms)
        for form in forms:
            sheet = self.book.add_worksheet(form.zh if self.language == "zh" else form.en)
            if form.upright:
                self._upright(sheet, form)
            else:
                self._table(sheet, form)
        self._stamp(name)

    def _notes(self, forms: list[Form]) -> None:
        notes = constant("notes")
        sheet = self.book.add_worksheet(notes["title"][self.language])
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 8)
        sheet.set_column(2, 3, 44)
        line = 0
        for sentence in notes[self.language]:
            sheet.merge_range(line, 0, line, 3, sentence, self.wrapped)
            line += 1
        for form in forms:
            line += 1
            for place, heading in enumerate(notes["headings"][self.language]):
                sheet.write_string(line, place, heading, self.head)
            for column in form.columns:
                line += 1
                required = notes["required"][self.language] if column.required else ""
                words = (column.heading(self.language), required, column.note.get(self.language, ""), column.example)
                for place, word in enumerate(words):
                    sheet.write_string(line, place, word, self.wrapped)
            line += 1

    def _heading(self, column: Column) -> tuple[str, Any]:
        heading = column.heading(self.language)
        return (f"{heading} *", self.must) if column.required else (heading, self.head)

    def _table(self, sheet: Any, form: Form) -> None:
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 0, 8, self.text)
        sheet.set_column(1, len(form.columns), WIDTH, self.text)
        sheet.write_string(0, 0, constant("mark_heading")[self.language], self.head)
        sheet.write_string(1, 0, constant("example_mark")[self.language], self.grey)
        for place, column in enumerate(form.columns, start=1):
            heading, style = self._heading(column)
            sheet.write_string(0, place, heading, style)
            sheet.write_string(1, place, column.example, self.grey)
            self._choices(sheet, column, (1, place, ROWS, place))
            if column.note:
                sheet.write_comment(0, place, column.note[self.language])

    def _upright(self, sheet: Any, form: Form) -> None:
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 44, self.text)
        sheet.set_column(2, 3, 40)
        for line, column in enumerate(form.columns):
            heading, style = self._heading(column)
            sheet.write_string(line, 0, heading, style)
            sheet.write_blank(line, 1, None, self.text)
            mark = constant("example_mark")[self.language]
            sheet.write_string(line, 2, f"{mark}: {column.example}" if column.example else "", self.grey)
            sheet.write_string(line, 3, column.note.get(self.language, ""), self.wrapped)
            self._choices(sheet, column, (line, 1, line, 1))

    def _choices(self, sheet: Any, column: Column, area: tuple[int, int, int, int]) -> None:
        if column.choices:
            offered = {"validate": "list", "source": list(column.choices[self.language]), "error_type": "warning"}
            sheet.data_validation(*area, offered)

    def _stamp(self, name: str) -> None:
        sheet = self.book.add_worksheet("_meta")
        for line, words in enumerate(((constant("stamp"),), (name,), (self.language,))):
            sheet.write_row(line, 0, words)
        sheet.hide()
