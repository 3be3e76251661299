"""The rules of the house as functions: a folder in, everything that breaks the rule out, as ``path:line what``."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

PACKAGES = ("api", "coalitions", "domain", "optimizer")
CORE = ("coalitions", "domain", "optimizer")
VERBS = frozenset({"get", "post", "put", "patch", "delete"})
LONGEST_HANDLER = 8
BANNED_NAMES = frozenset({"common", "helper", "helpers", "manager", "managers", "service", "services", "util", "utils"})
CLOCKS = frozenset({"now", "utcnow", "today"})
MAP_LINE = re.compile(r"^- `([^`]+)` — \S", re.MULTILINE)
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def sources(root: Path, *packages: str) -> Iterator[tuple[str, ast.Module]]:
    """Give each module of the packages with its path from `root`."""
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def names_of(node: ast.AST) -> tuple[str, ...]:
    """Return the modules or dotted names that an import brings in."""
    if isinstance(node, ast.Import):
        return tuple(alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return tuple(f"{node.module}.{alias.name}" for alias in node.names)
    return ()


def called(node: ast.AST) -> str:
    """Return what a call calls, as it is written; "" for anything else."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def waiting_core(root: Path) -> Iterator[str]:
    """The core computes: it does not wait, look at the clock, roll dice, open files or speak."""
    for path, tree in sources(root, *CORE):
        for node in ast.walk(tree):
            line = getattr(node, "lineno", 0)
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                yield f"{path}:{line} async"
            name = called(node)
            owner, _, last = name.rpartition(".")
            if last in CLOCKS and owner.endswith(("date", "datetime")):
                yield f"{path}:{line} {name}"
            if name in ("print", "open", "input"):
                yield f"{path}:{line} {name}"
            for brought in names_of(node):
                if brought.partition(".")[0] in ("random", "secrets", "time"):
                    yield f"{path}:{line} {brought}"


def stray_queries(root: Path) -> Iterator[str]:
    """Every ``select`` stands under ``api/queries``."""
    for path, tree in sources(root, *PACKAGES):
        if path.startswith("api/queries/"):
            continue
        for node in ast.walk(tree):
            brought = [name for name in names_of(node) if re.fullmatch(r"(sqlalchemy|sqlmodel)\b.*\.select", name)]
            if brought or called(node) in ("sa.select", "sqlalchemy.select", "sqlmodel.select"):
                yield f"{path}:{getattr(node, 'lineno', 0)} select"


def stray_spreadsheets(root: Path) -> Iterator[str]:
    """Tables for spreadsheets, and the names of files, leave through ``api/spreadsheets.py`` alone."""
    for path, tree in sources(root, *PACKAGES):
        if path == "api/spreadsheets.py":
            continue
        for node in ast.walk(tree):
            line = getattr(node, "lineno", 0)
            written = [name for name in names_of(node) if name.partition(".")[0] in ("xlsxwriter", "openpyxl")]
            if written or called(node) in ("csv.writer", "csv.DictWriter"):
                yield f"{path}:{line} {written[0] if written else called(node)}"
            if isinstance(node, ast.Constant) and str(node.value).startswith("attachment;"):
                yield f"{path}:{line} Content-Disposition"


def stray_commits(root: Path) -> Iterator[str]:
    """Transactions begin and end at the edge: in the database module, the worker and the command line."""
    edge = re.compile(r"api/(db\.py|worker\.py|cli\.py|cli/.*|migrations/.*)")
    for path, tree in sources(root, *PACKAGES):
        if edge.fullmatch(path):
            continue
        for node in ast.walk(tree):
            name = called(node)
            if name.rpartition(".")[2] in ("commit", "begin") and "." in name:
                yield f"{path}:{getattr(node, 'lineno', 0)} {name}"


def is_handler(function: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    """Tell whether a decorator makes it answer requests."""
    return any(called(decorator) in VERBS for decorator in function.decorator_list)


def long_handlers(root: Path) -> Iterator[str]:
    """A handler parses, acts and presents: at most eight statements."""
    for path, tree in sources(root, "api"):
        for function in ast.walk(tree):
            if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef) and is_handler(function):
                body = function.body[1:] if ast.get_docstring(function) else function.body
                count = sum(isinstance(node, ast.stmt) for statement in body for node in ast.walk(statement))
                if count > LONGEST_HANDLER:
                    yield f"{path}:{function.lineno} {function.name}: {count} statements"


def rows_on_the_wire(root: Path) -> Iterator[str]:
    """A handler answers with what the wire promises or with a page, never with a row or a bare dictionary."""
    rows = set(record_names(root))
    for path, tree in sources(root, "api"):
        for function in ast.walk(tree):
            if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef) or not is_handler(function):
                continue
            answer = ast.unparse(function.returns) if function.returns else "nothing said"
            words = set(re.findall(r"\w+", answer))
            probe = "include_in_schema=False" in "".join(ast.unparse(each) for each in function.decorator_list)
            page = path.startswith("api/console/") and answer == "Response[Any]"
            if words & rows or ("dict" in words and not probe) or (words & {"Any", "nothing", "object"} and not page):
                yield f"{path}:{function.lineno} {function.name} -> {answer}"


def changing_values(root: Path) -> Iterator[str]:
    """A dataclass of the core is frozen, slotted and built by keyword."""
    wanted = {"frozen=True", "slots=True", "kw_only=True"}
    for path, tree in sources(root, *CORE):
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                if text.startswith("dataclass") and not wanted <= set(re.findall(r"\w+=\w+", text)):
                    yield f"{path}:{node.lineno} {node.name}"


def banned_words(root: Path) -> Iterator[str]:
    """No module may hold anything at all, no import may postpone its annotations, no row loads another by itself."""
    for path, tree in sources(root, *PACKAGES):
        for part in Path(path).with_suffix("").parts:
            if part in BANNED_NAMES:
                yield f"{path}:1 named {part}"
        for node in ast.walk(tree):
            if "__future__.annotations" in names_of(node):
                yield f"{path}:{getattr(node, 'lineno', 0)} annotations"
            if called(node) == "Relationship":
                yield f"{path}:{getattr(node, 'lineno', 0)} Relationship"


def record_names(root: Path) -> Iterator[str]:
    """Give the name of every table class."""
    for node in ast.walk(ast.parse((root / "domain" / "records.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(k) == "table=True" for k in node.keywords):
            yield node.name


def map_differences(root: Path) -> Iterator[str]:
    """ARCHITECTURE.md has a line for every package and module, and for nothing else."""
    text = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    mapped = {entry.rstrip("/") for entry in MAP_LINE.findall(text)}
    there = set(mapped_places(root))
    yield from (f"ARCHITECTURE.md lacks {place}" for place in sorted(there - mapped))
    ours = {entry for entry in mapped if entry.partition("/")[0] in PACKAGES}
    yield from (f"ARCHITECTURE.md maps {place}, which is not there" for place in sorted(ours - there))


def mapped_places(root: Path) -> Iterator[str]:
    """Give every package, and every module that is not a package's own file, an empty start or a migration."""
    for package in PACKAGES:
        yield package
        for path in (root / package).rglob("*.py"):
            place = path.relative_to(root)
            if "versions" in place.parts:
                continue
            yield (place.parent if path.name == "__init__.py" else place).as_posix()


def glossary_gaps(root: Path) -> Iterator[str]:
    """docs/glossary.md names every table class in backticks."""
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    yield from (f"docs/glossary.md lacks {name}" for name in record_names(root) if f"`{name}`" not in text)


def catalogue_differences(root: Path) -> Iterator[str]:
    """The two catalogues have the same codes, and each sentence uses the same parameters in both."""
    folder = root / "api" / "locale"
    chinese, english = (flat(tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))) for name in ("zh-CN", "en"))
    yield from (f"en.toml lacks {code}" for code in sorted(chinese.keys() - english.keys()))
    yield from (f"zh-CN.toml lacks {code}" for code in sorted(english.keys() - chinese.keys()))
    for code in sorted(chinese.keys() & english.keys()):
        if parameters(chinese[code]) != parameters(english[code]):
            yield f"{code}: {sorted(parameters(chinese[code]))} / {sorted(parameters(english[code]))}"


def flat(catalogue: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the sentences of a catalogue by ``section.code``."""
    return {f"{section}.{code}": said for section, codes in catalogue.items() for code, said in codes.items()}


def parameters(sentence: str) -> set[str]:
    """Return the names a sentence has places for; how each is shown may differ from language to language."""
    return {place.partition(":")[0] for place in PLACEHOLDER.findall(sentence)}


RULES: tuple[Callable[[Path], Iterator[str]], ...] = (
    waiting_core,
    stray_queries,
    stray_commits,
    stray_spreadsheets,
    long_handlers,
    rows_on_the_wire,
    changing_values,
    banned_words,
    map_differences,
    glossary_gaps,
    catalogue_differences,
)
