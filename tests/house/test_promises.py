"""What the packages promise: every refusal has its words and its status, every public name its documented promise."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

import coalitions
import domain.errors
import optimizer
from api import problems
from api.i18n import Locale, speaks
from api.settings import Settings, example
from domain.errors import DomainError
from tests.conftest import PROJECT

import_module("api.app")  # every module of the shell with it, and so every refusal of their own
LOCALES: tuple[Locale, ...] = ("zh-CN", "en")
PACKAGES = [coalitions, optimizer]


def refusals(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Give every class of refusal, the shell's own among them."""
    yield kind
    for narrower in kind.__subclasses__():
        yield from refusals(narrower)


def promised(package: ModuleType) -> list[str]:
    """Return the functions that a package offers."""
    return [name for name in getattr(package, "__all__", ()) if inspect.isfunction(getattr(package, name))]


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [refusal.code for refusal in refusals()]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("refusal", list(refusals()), ids=lambda refusal: str(refusal.code))
def test_every_refusal_has_a_status_and_a_sentence_in_each_language(refusal: type[DomainError]) -> None:
    assert 400 <= problems.status_of(refusal.__new__(refusal)) < 600
    for locale in LOCALES:
        assert speaks(locale, refusal.code, section="refusal")


def test_the_tree_of_refusals_is_drawn_as_it_is() -> None:
    drawing = domain.errors.__doc__ or ""
    ours = {
        name for name, kind in vars(domain.errors).items() if inspect.isclass(kind) and issubclass(kind, DomainError)
    }

    assert {name for name in ours if f" {name} " not in f"{drawing} ".replace("\n", " ")} == set()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_offers_exactly_what_it_brings_in(package: ModuleType) -> None:
    offered = list(getattr(package, "__all__", ()))
    own = {name for name, value in vars(package).items() if not name.startswith("_") and not inspect.ismodule(value)}

    assert set(offered) == own
    assert len(offered) == len(own)


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in promised(package)], ids=str
)
def test_a_public_function_promises_and_shows_how(package: ModuleType, name: str) -> None:
    promise = inspect.getdoc(getattr(package, name)) or ""

    assert promise.splitlines()[0].endswith(".")
    assert ">>> " in promise


def test_the_example_of_the_environment_is_fresh() -> None:
    assert (PROJECT / ".env.example").read_text(encoding="utf-8") == example()


def test_the_example_names_every_setting_with_what_holds_without_it() -> None:
    told = dict(line.lstrip("#").split("=", 1) for line in example().splitlines() if "=" in line)

    assert Settings.from_env(told) == Settings()
    assert len(told) == len(Settings.__dataclass_fields__)


def troubles() -> Iterator[str]:
    """Give the codes by which a setting, the embedded server or a database is refused."""
    for place in ("settings.py", "embedded.py", "db.py", "migrations/env.py"):
        for node in ast.walk(ast.parse((PROJECT / "api" / place).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("BadSetting", "ClusterError", "DatabaseUnfit"):
                code = node.args[0]
                assert isinstance(code, ast.Constant)
                yield str(code.value)


@pytest.mark.parametrize("code", sorted(set(troubles())))
def test_whatever_keeps_the_program_from_starting_is_said_in_each_language(code: str) -> None:
    for locale in LOCALES:
        assert speaks(locale, code, section="cli")
