"""Small readers that turn plain values into checked ones and note every fault instead of stopping at the first.

A reader takes a value, its path and the list of faults, and always returns something of the right type: where it notes
a fault it returns a harmless stand-in, so that the parts around it can still be read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.faults import Fault

type_names = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "text",
    list: "list",
    type(None): "null",
}

Reader = Callable[[object, str, list[Fault]], Any]


class Pairs(dict[str, object]):
    """An object of a document that remembers which of its keys were written twice."""

    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Huge:
    """A number too long to be worth reading, or no number at all (`NaN`, `Infinity`)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of an object: how it is read, whether it must be there, what stands in for it."""

    read: Reader
    required: bool = False
    stand_in: object = None


def note(noted: list[Fault], path: str, code: str, **params: str | int) -> None:
    """Add one fault."""
    noted.append(Fault(path=path, code=code, params=tuple(params.items())))


def kind_of(value: object) -> str:
    """Return the word for a value's type as the author of a document knows it."""
    if isinstance(value, Huge):
        return "number"
    return type_names.get(type(value), "object" if isinstance(value, Mapping) else "unknown")


def integer(low: int, high: int) -> Reader:
    """Read a whole number within limits; `true` is no number and neither is `40.0`."""

    def read(value: object, path: str, noted: list[Fault]) -> int:
        if isinstance(value, Huge):
            note(noted, path, "out-of-range", low=low, high=high)
        elif not isinstance(value, int) or isinstance(value, bool):
            note(noted, path, "not-integer", found=kind_of(value))
        elif low <= value <= high:
            return value
        else:
            note(noted, path, "out-of-range", low=low, high=high)
        return low

    return read


def text(longest: int, empty: bool = False) -> Reader:
    """Read a text that can be printed and is not too long."""

    def read(value: object, path: str, noted: list[Fault]) -> str:
        if not isinstance(value, str):
            note(noted, path, "not-text", found=kind_of(value))
        elif len(value) > longest:
            note(noted, path, "too-long", limit=longest)
        elif not value.isprintable():
            note(noted, path, "not-printable")
        elif not value and not empty:
            note(noted, path, "empty")
        else:
            return value
        return ""

    return read


def flag(value: object, path: str, noted: list[Fault]) -> bool:
    """Read `true` or `false`."""
    if not isinstance(value, bool):
        note(noted, path, "not-boolean", found=kind_of(value))
    return value is True


def choice(names: Sequence[str]) -> Reader:
    """Read one of a few words."""

    def read(value: object, path: str, noted: list[Fault]) -> str:
        if isinstance(value, str) and value in names:
            return value
        note(noted, path, "not-one-of", names=", ".join(names))
        return names[0]

    return read


def maybe(inner: Reader) -> Reader:
    """Read a value or `null`, which means undeclared."""

    def read(value: object, path: str, noted: list[Fault]) -> Any:
        return None if value is None else inner(value, path, noted)

    return read


def listing(inner: Reader, longest: int) -> Reader:
    """Read a list of likes; a list that is too long is not looked into."""

    def read(value: object, path: str, noted: list[Fault]) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            note(noted, path, "not-list", found=kind_of(value))
        elif len(value) > longest:
            note(noted, path, "too-many", limit=longest)
        else:
            return tuple(inner(item, f"{path}[{i}]", noted) for i, item in enumerate(value))
        return ()

    return read


def pair(first: Reader, second: Reader) -> Reader:
    """Read a list of exactly two."""

    def read(value: object, path: str, noted: list[Fault]) -> tuple[Any, Any]:
        if isinstance(value, list | tuple) and len(value) == 2:
            return first(value[0], f"{path}[0]", noted), second(value[1], f"{path}[1]", noted)
        note(noted, path, "not-pair", found=kind_of(value))
        return "", ""

    return read


def entries(name: Reader, inner: Reader, longest: int) -> Reader:
    """Read an object with free keys into pairs of key and value."""

    def read(value: object, path: str, noted: list[Fault]) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, Mapping):
            note(noted, path, "not-object", found=kind_of(value))
            return ()
        if len(value) > longest:
            note(noted, path, "too-many", limit=longest)
            return ()
        _note_repeated(value, path, noted)
        inside = ((key, below(path, key)) for key in value)
        return tuple((name(key, at, noted), inner(value[key], at, noted)) for key, at in inside)

    return read


def record(build: Callable[..., Any], keys: Mapping[str, Key]) -> Reader:
    """Read an object with known keys into a value; keys that are not known are faults."""

    def read(value: object, path: str, noted: list[Fault]) -> Any:
        if not isinstance(value, Mapping):
            note(noted, path, "not-object", found=kind_of(value))
            return build(**{name: key.stand_in for name, key in keys.items() if key.required})
        _note_repeated(value, path, noted)
        for name in value:
            if name not in keys:
                note(noted, below(path, name), "unknown-key")
        return build(**dict(_given(value, keys, path, noted)))

    return read


def below(path: str, key: object) -> str:
    """Return the path of a key, quoted where it is not a plain word.

    >>> below("$.rules", "budget"), below("$.rules.min_grade", "power plant")
    ('$.rules.budget', '$.rules.min_grade["power plant"]')
    """
    if isinstance(key, str) and key.isidentifier():
        return f"{path}.{key}"
    shown = ascii(key)[1:-1] if isinstance(key, str) else ascii(key)
    return f'{path}["{shown[:80]}"]'


def _given(
    value: Mapping[str, object], keys: Mapping[str, Key], path: str, noted: list[Fault]
) -> list[tuple[str, Any]]:
    given: list[tuple[str, Any]] = []
    for name, key in keys.items():
        if name in value:
            given.append((name, key.read(value[name], f"{path}.{name}", noted)))
        elif key.required:
            note(noted, f"{path}.{name}", "missing-key")
            given.append((name, key.stand_in))
    return given


def _note_repeated(value: Mapping[str, object], path: str, noted: list[Fault]) -> None:
    for name in value.repeated if isinstance(value, Pairs) else ():
        note(noted, below(path, name), "repeated-key")
