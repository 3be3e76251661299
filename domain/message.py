"""Everything the product says is a code with parameters; two catalogues in ``api/locale`` word it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Parameter = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One sentence to be said, not yet in any language.

    >>> Message(code="covers-by-code", params={"code": "C3824"}).params["code"]
    'C3824'
    """

    code: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
