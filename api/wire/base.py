"""What every wire type promises: names that are unknown are refused, values are frozen, rows can be read into it."""

from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python


class Wire(BaseModel):
    """The base of every contract with the outside.

    A class states examples once, as ``model_config = ConfigDict(json_schema_extra={"examples": [...]})``; the OpenAPI
    document shows one at each operation that takes or gives it.
    Inputs are not quoted in errors: a password typed into the wrong field must not come back or reach a log.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", from_attributes=True, hide_input_in_errors=True, validate_default=True
    )

    @classmethod
    def model_validate(cls, obj: Any, *, strict: bool | None = None, **options: Any) -> Self:
        """Read `obj`; fields that are strict stay so.

        Litestar passes ``strict=False`` with every body, which would lift the strictness each field asks for, and
        ``true`` would count as the quantity 1.
        """
        return super().model_validate(obj, strict=strict or None, **options)

    @classmethod
    def example(cls) -> dict[str, Any] | None:
        """Return one instance as JSON has it, or None where the class states none."""
        extra = cls.model_config.get("json_schema_extra")
        examples = extra.get("examples") if isinstance(extra, dict) else None
        return to_jsonable_python(examples[0]) if isinstance(examples, list) and examples else None


Item = TypeVar("Item", bound=Wire)


class Page(Wire, Generic[Item]):
    """Part of a list, newest first; `next` is the cursor of what follows, or null at the end."""

    items: tuple[Item, ...]
    next: str | None = None


class FaultOut(Wire):
    """One thing wrong with what was sent."""

    where: str
    code: str
    params: dict[str, Any]
    title: str


class ProblemOut(Wire):
    """A refusal, as RFC 9457 has it: `title` is in the reader's language, `code` and `params` are for programs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/invalid",
                    "title": "提交的内容有 1 处需要更正。",
                    "status": 422,
                    "instance": "/api/v1/opportunities",
                    "code": "invalid",
                    "params": {"count": 1},
                    "errors": [
                        {
                            "where": "$.packages[2].quantity",
                            "code": "greater_than_equal",
                            "params": {"ge": 1},
                            "title": "应不小于 1",
                        }
                    ],
                    "request": "5f0c1c0e6a1b4b7f9d0a3c1e8b2d4f60",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    instance: str
    code: str
    params: dict[str, Any]
    errors: tuple[FaultOut, ...] = ()
    request: str


class ExplanationOut(Wire):
    """What the code of a problem means: the sentence and what stands behind it, by language."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "stale",
                    "title": {"zh-CN": "内容已被他人更新，请刷新后重试。", "en": "Someone else changed it first."},
                    "explanation": {"zh-CN": "在您读取之后，他人已先完成修改。", "en": "Read it again, then send it."},
                }
            ]
        }
    )

    code: str
    title: dict[str, str]
    explanation: dict[str, str]
