"""A first look at an XLSX file, before any parser sees it: streaming, building nothing, believing no declared size.

A legal workbook of 1.5 kB whose only cell stands in XFD1048576 aborts readers; archives can inflate a thousandfold;
XML can name files and expand entities. What may not be read is refused here by a code.
"""

import re
import zipfile
import zlib
from typing import IO

MAX_MEMBERS = 200
MAX_INFLATED = 400 << 20
MAX_RATIO = 150
RATIO_COUNTS_FROM = 20 << 20
MAX_ROWS = 1_100_000
MAX_COLUMNS = 200
MAX_AREA = 40_000_000
MAX_CELL = 2 << 20
CHUNK = 1 << 20
OVERLAP = 300

_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^>]*?\br\s*=\s*["']([A-Za-z]{0,4})(\d{1,12})["']""")
_DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WIDE_STARTS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_MACROS = (
    "vbaproject",
    "macrosheets",
    "activex",
    "oleobject",
    "embeddings/",
    "externallinks/",
    "querytables/",
    "connections.xml",
)
_ENABLED = re.compile(rb"macroEnabled|ms-excel\.sheet\.binary", re.IGNORECASE)
_MARKUP = (".xml", ".rels", ".vml")
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}\bencoding\s*=\s*["']([^"']{0,40})["']""")


def refusal(file: IO[bytes]) -> str | None:
    """Return the code of the reason why `file` may not be read as a workbook, or None when it may.

    Reads every member once, a megabyte at a time: O(inflated size), which is bounded.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _list_refusal(archive.infolist()) or _content_refusal(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError, ValueError):
        return "workbook-broken"


def _list_refusal(members: list[zipfile.ZipInfo]) -> str | None:
    names = [member.filename for member in members]
    if len(members) > MAX_MEMBERS or len(set(names)) < len(names):
        return "workbook-members"
    if any(member.flag_bits & 1 for member in members) or "EncryptedPackage" in names:
        return "workbook-encrypted"
    if any(name.startswith("/") or ".." in name or "\\" in name for name in names):
        return "workbook-paths"
    if any(word in name.lower() for name in names for word in _MACROS):
        return "workbook-macro"
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        return "not-a-workbook"
    return None


def _content_refusal(archive: zipfile.ZipFile) -> str | None:
    packed = max(1, sum(member.compress_size for member in archive.infolist()))
    inflated = 0
    for member in archive.infolist():
        rows = columns = since_cell = 0
        tail = b""
        with archive.open(member) as stream:
            while piece := stream.read(CHUNK):
                inflated += len(piece)
                if inflated > MAX_INFLATED or (inflated > RATIO_COUNTS_FROM and inflated > packed * MAX_RATIO):
                    return "workbook-inflates"
                window = tail + piece
                if (not tail and _written_otherwise(member.filename, piece)) or _DECLARATION.search(window):
                    return "workbook-declarations"
                if member.filename == "[Content_Types].xml" and _ENABLED.search(window):
                    return "workbook-macro"
                cells = [(_column(found[1]), int(found[2])) for found in _CELL.finditer(window)]
                rows = max([rows, *(row for _, row in cells)])
                columns = max([columns, *(column for column, _ in cells)])
                since_cell = 0 if cells else since_cell + len(piece)
                if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > MAX_AREA:
                    return "workbook-too-wide"
                if since_cell > MAX_CELL and "worksheets/" in member.filename:
                    return "workbook-cell"
                tail = window[-OVERLAP:]
    return None


def _written_otherwise(name: str, head: bytes) -> bool:
    """Tell whether a part is XML in another encoding than UTF-8, in which a declaration would not be seen."""
    if head.startswith(_WIDE_STARTS):
        return True
    if not name.lower().endswith(_MARKUP):
        return False
    encoding = _ENCODING.search(head[:300])
    return not _BEGINS.match(head) or (encoding is not None and encoding[1].lower() not in (b"utf-8", b"us-ascii"))


def _column(letters: bytes) -> int:
    place = 0
    for letter in letters.upper():
        place = place * 26 + letter - 64
    return place
