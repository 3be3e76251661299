"""A file becomes rows with the numbers that its author sees: CSV and XLSX, told apart by content, never by name.

A workbook is first looked at by ``prescan`` and then read in a child process under limits (``reader``), so that the
worst a hostile one can do is to be refused.
"""

import csv
import hashlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from api.intake import prescan, reader
from api.intake.values import Cell
from domain.errors import Fault, Invalid
from domain.message import Parameter

MAX_BYTES = 32 << 20
MAX_ROWS = 200_000
MAX_CELL = 32_767
WALL_SECONDS = 40

_ARCHIVE = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DELIMITERS = ",\t;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The bytes of one file with the name its author gave it."""

    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The fingerprint by which the same file is noticed when it comes again."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_json(self) -> bool:
        """Tell whether the content starts as JSON does."""
        return self.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")

    @property
    def is_workbook(self) -> bool:
        """Tell whether the content starts as an XLSX file does."""
        return self.content.startswith(_ARCHIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row that is not blank, with the number a spreadsheet shows beside it."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table of a file; ``form`` says how it was written: an encoding, or ``xlsx``."""

    name: str
    form: str
    lines: tuple[Line, ...]


def refused(filename: str, code: str, **params: Parameter) -> Invalid:
    """Return the refusal of a whole file."""
    return Invalid((Fault(where=filename, code=code, params=params),))


def load(path: Path, filename: str | None = None) -> Upload:
    """Return the file at `path`. Raises Invalid where it is absent, no file, empty or too large."""
    name = filename or path.name
    if not path.is_file():
        raise refused(name, "file-absent")
    if path.stat().st_size > MAX_BYTES:
        raise refused(name, "file-too-large", limit=MAX_BYTES >> 20)
    return accept(name, path.read_bytes())


def accept(filename: str, content: bytes) -> Upload:
    """Return `content` as an upload. Raises Invalid where it is empty or too large."""
    if not content:
        raise refused(filename, "file-empty")
    if len(content) > MAX_BYTES:
        raise refused(filename, "file-too-large", limit=MAX_BYTES >> 20)
    return Upload(filename=filename, content=content)


def sheets(upload: Upload) -> tuple[Sheet, ...]:
    """Return the tables of `upload`, blank rows left out. Raises Invalid, naming the file and the reason."""
    if upload.is_workbook:
        return _workbook(upload)
    if upload.content.startswith(_COMPOUND):
        raise refused(upload.filename, "workbook-old-or-encrypted")
    return (_table(upload),)


def _table(upload: Upload) -> Sheet:
    encoding = _encoding(upload)
    lines = tuple(_csv_lines(upload, encoding))
    if not lines:
        raise refused(upload.filename, "file-empty")
    return Sheet(name="", form=encoding, lines=lines)


def _encoding(upload: Upload) -> str:
    if upload.content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            written = upload.content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in written:
            raise refused(upload.filename, "file-binary")
        return encoding
    raise refused(upload.filename, "file-encoding")


def _text(upload: Upload, encoding: str) -> io.TextIOWrapper:
    """Return the content to be read line by line: decoded as a whole it would take several times its bytes."""
    return io.TextIOWrapper(io.BytesIO(upload.content), encoding=encoding, newline="")


def _csv_lines(upload: Upload, encoding: str) -> Iterator[Line]:
    filename, text = upload.filename, _text(upload, encoding)
    rows = csv.reader(text, delimiter=_delimiter(_text(upload, encoding)), strict=True)
    number = 0
    try:
        for number, row in enumerate(rows, start=1):
            if number > MAX_ROWS:
                raise refused(filename, "too-many-rows", limit=MAX_ROWS)
            line = _line(filename, number, row)
            if line:
                yield line
    except csv.Error:
        raise refused(filename, "csv-broken", row=number + 1) from None


def _delimiter(text: Iterable[str]) -> str:
    """Return the separator that the first written line uses most outside quotes."""
    first = next((line for line in text if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def _line(filename: str, number: int, row: Sequence[Cell]) -> Line | None:
    if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in row):
        raise refused(filename, "cell-too-long", row=number, limit=MAX_CELL)
    cells = tuple(None if isinstance(cell, str) and not cell.strip() else cell for cell in row)
    return Line(number=number, cells=cells) if any(cell is not None for cell in cells) else None


def _workbook(upload: Upload) -> tuple[Sheet, ...]:
    reason = prescan.refusal(io.BytesIO(upload.content))
    if reason:
        raise refused(upload.filename, reason)
    with tempfile.TemporaryFile() as output:
        _read_in_child(upload, output)
        return _collected(upload.filename, output)


def _read_in_child(upload: Upload, output: IO[bytes]) -> None:
    """Run the reader by its path, isolated, with nothing of this process's environment, memory or files."""
    command = [sys.executable, "-I", str(Path(reader.__file__))]
    try:
        ended = subprocess.run(
            command,
            input=upload.content,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            cwd="/",
            timeout=WALL_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        raise refused(upload.filename, "workbook-too-heavy") from None
    if ended == reader.BROKEN:
        raise refused(upload.filename, "workbook-broken")
    if ended != 0:
        raise refused(upload.filename, "workbook-too-heavy")


def _collected(filename: str, output: IO[bytes]) -> tuple[Sheet, ...]:
    tables: dict[str, list[Line]] = {}
    output.seek(0)
    for total, written in enumerate(output, start=1):
        name, number, cells = json.loads(written)
        if total > MAX_ROWS:
            raise refused(filename, "too-many-rows", limit=MAX_ROWS)
        line = _line(filename, number, [_cell(cell) for cell in cells])
        if line:
            tables.setdefault(name, []).append(line)
    if not tables:
        raise refused(filename, "file-empty")
    return tuple(Sheet(name=name, form="xlsx", lines=tuple(lines)) for name, lines in tables.items())


def _cell(cell: Any) -> Cell:
    if isinstance(cell, dict):
        return date.fromisoformat(cell["day"]) if "day" in cell else datetime.fromisoformat(cell["moment"])
    return cell  # type: ignore[no-any-return]
