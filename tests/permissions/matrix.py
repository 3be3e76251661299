"""The permission matrix as it is written down in ``matrix.toml``, and what of it is missing or too much.

One row is one operation on one thing; its cells say what each reader gets:

- ``allowed``: it is done (2xx, 3xx), and what changes something has changed something; ``allowed: CODE`` where the
  reader may ask and the state of things refuses, by that code
- ``idle``: a change that is answered and changes nothing, since there is nothing of the reader's to change
- ``refused``: seen, and not the reader's to do (403)
- ``unseen``: for this reader it is not there (404)
- ``sign-in``: first say who you are (401; the console shows the sign-in page)
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from tests.permissions.world import DERIVED, ROLES, THINGS

PLACE = Path(__file__).with_name("matrix.toml")
BESIDES = Path(__file__).with_name("derived.toml")
API = "/api/v1/"
PARAMETER = re.compile(r"\{(\w+):\w+\}")
NAMED = re.compile(r"\$(\w+)")
CLASSES = ("allowed", "idle", "refused", "unseen", "sign-in")
UNASKED = frozenset({"HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One operation on one thing, how it is asked for, and what each reader gets."""

    operation: str
    cells: Mapping[str, str]
    of: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    upload: str | None = None
    match: bool = False
    changes: bool = True

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.operation.partition(" ")[0]

    @property
    def address(self) -> str:
        """The route's path with its parameters."""
        return self.operation.partition(" ")[2]

    @property
    def console(self) -> bool:
        """Whether a browser asks for it."""
        return not self.address.startswith(API)

    @property
    def writes(self) -> bool:
        """Whether it is a change."""
        return self.method != "GET"

    @property
    def names(self) -> tuple[str, ...]:
        """The things it names: the one in the path, then those in query and body."""
        sent = f"{self.query} {self.json or ''} {self.form or ''}"
        return tuple(dict.fromkeys(name for name in (self.of, *NAMED.findall(sent)) if name in THINGS))

    def __str__(self) -> str:
        """Say what is asked of what."""
        return f"{self.operation} ({', '.join(self.names)})" if self.names else self.operation


def rows(text: str | None = None) -> tuple[Row, ...]:
    """Read the matrix. Raises ValueError where a row has not one known cell for each reader."""
    document = tomllib.loads(PLACE.read_text(encoding="utf-8") if text is None else text)
    found = []
    for given in document["row"]:
        cells = given.pop("cells")
        if isinstance(given.get("json"), str):
            given["json"] = document["bodies"][given["json"]]
        if len(cells) != len(ROLES) or any(cell.partition(":")[0] not in CLASSES for cell in cells):
            raise ValueError(f"{given['operation']}: {cells}")
        found.append(Row(cells=dict(zip(ROLES, cells, strict=True)), **given))
    return tuple(found)


# ------------------------------------------------------------------ who follows from others


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Readers whose cells follow from a column, what the operation needs, and exceptions that say why."""

    readers: Mapping[str, Mapping[str, Any]]
    needs: Mapping[str, str]
    exceptions: Sequence[Mapping[str, Any]]

    def cell(self, reader: str, row: Row) -> str:
        """Return what `reader` gets."""
        base = row.cells[self.readers[reader]["base"]]
        needed = self.needed(row.operation)
        if needed != "open" and needed not in self.readers[reader]["has"]:
            return "refused"
        for each in self.exceptions:
            if self._excepted(each, reader, row):
                base = each["cell"].get(base.partition(":")[0], base)
        return base

    def cells(self, row: Row) -> dict[str, str]:
        """Return what each of the derived readers gets."""
        return {reader: self.cell(reader, row) for reader in DERIVED}

    def needed(self, operation: str) -> str:
        """Return what an operation needs: what the longest beginning of it that is named says.

        Raises ValueError for a change that is not named at all.
        """
        short = SHORTENED.sub("}", operation).replace(API, "/")
        named = [each for each in self.needs if _begins(short, each)]
        if named:
            return self.needs[max(named, key=len)]
        if not short.startswith("GET "):
            raise ValueError(f"derived.toml does not say what {short} needs")
        return "read"

    def _excepted(self, each: Mapping[str, Any], reader: str, row: Row) -> bool:
        short = SHORTENED.sub("}", row.operation).replace(API, "/")
        about = row.of in each.get("of", ()) or short in each.get("operations", ())
        return about and reader in each.get("only", DERIVED) and reader not in each.get("but", ())


SHORTENED = re.compile(r":\w+\}")


def _begins(operation: str, named: str) -> bool:
    """Tell whether an operation is named, or lies below what is; the home page has nothing below it."""
    rest = operation.removeprefix(named)
    if named == "GET /":
        return operation == named
    return operation.startswith(named) and (rest == "" or rest[0] in "/." or named[-1] in "/cf")


def derived() -> Derived:
    """Read what follows. Raises ValueError where readers are missing or too many."""
    document = tomllib.loads(BESIDES.read_text(encoding="utf-8"))
    if document["reader"].keys() != DERIVED.keys():
        raise ValueError(f"{BESIDES.name}: {sorted(document['reader'])}")
    needs = {named: power for power, every in document["needs"].items() for named in every}
    return Derived(readers=document["reader"], needs=needs, exceptions=document["exception"])


def operations(app: Litestar) -> set[str]:
    """Return every operation of an application as the matrix names it."""
    return {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - UNASKED
    }


def differences(app: Litestar, decided: Sequence[Row]) -> Iterator[str]:
    """Yield each operation that has no row, each row that has no operation, and each row that stands twice."""
    there, named = operations(app), {row.operation for row in decided}
    yield from (f"matrix.toml lacks {operation}" for operation in sorted(there - named))
    yield from (f"matrix.toml has {operation}, which is not there" for operation in sorted(named - there))
    asked = Counter((str(row), row.query, str(row.json), str(row.form)) for row in decided)
    yield from (f"matrix.toml has {row} twice" for (row, *_), count in asked.items() if count > 1)


# ------------------------------------------------------------------ for people

SIGNS = {"allowed": "✓", "idle": "○", "refused": "403", "unseen": "404", "sign-in": "401"}
HEAD = """# 权限矩阵 Permissions

每一行是一项操作和它的对象，每一列是一种身份。本页由 `tests/permissions/matrix.toml` 生成，
每一格都由测试以真实请求核对；没有对应行的新路由会使测试失败。
Each row is one operation on one thing, each column somebody who asks. This page is generated from
`tests/permissions/matrix.toml`; tests check every cell by a real request, and a new route without a row fails them.

| 标记 | 含义 | meaning |
|---|---|---|
| ✓ | 可以 | may; it is done |
| ✓ 409 | 可以，但对象当前的状态不允许 | may, and the thing's present state refuses it |
| ○ | 有答复，但没有任何改动 | answered, and nothing is changed |
| 401 | 须先登录（控制台转到登录页） | sign in first (the console shows the sign-in page) |
| 403 | 看得到，但无权操作 | seen, and not theirs to do |
| 404 | 看不到，或还不存在；两者的答复完全相同 | not seen, or not there yet: both are answered exactly alike |

后面各列是单位内职责不同的人、只读令牌、商务局的两种人员与未核验企业：其权限由前面的列与
`tests/permissions/derived.toml` 推出，同样逐格以真实请求核对。
The last columns are people with one duty each, a token to read, the two kinds of bureau people and an unverified firm:
their cells follow from the columns before by `tests/permissions/derived.toml`, and are checked by real requests too.

金额、单价与产能只告诉其企业自己；条款被接受后，单价告诉链主；协议生成后，告诉协议各方。
A firm's prices and capacities are told to nobody but the firm; a price in accepted terms to the chain leader; what
the agreement says to its parties.
"""
PARTS = (("接口 API", False), ("控制台与公共页面 Console and public pages", True))


def page(decided: Iterable[Row]) -> str:
    """Return the matrix as a page of ``docs``."""
    known, besides = tuple(decided), derived()
    lines, readers = [HEAD], [*ROLES.values(), *DERIVED.values()]
    for title, console in PARTS:
        lines += [f"## {title}", "", _line("操作 operation", "对象 thing", *map(_both, readers))]
        lines.append(_line(*("---",) * (len(readers) + 2)))
        lines += [_row(row, besides.cells(row)) for row in known if row.console is console]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(row: Row, besides: Mapping[str, str]) -> str:
    things = "、".join(_both(THINGS[name]) for name in row.names)
    asked = PARAMETER.sub(r"{\1}", row.operation)
    return _line(f"`{asked}`", things, *map(sign, [*row.cells.values(), *besides.values()]))


def sign(cell: str) -> str:
    """Return the mark of a cell.

    >>> sign("allowed: illegal-transition"), sign("unseen")
    ('✓ 409', '404')
    """
    kind, _, code = cell.partition(":")
    return SIGNS[kind] + (" 409" if code else "")


def _both(words: tuple[str, str]) -> str:
    return " ".join(words)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
