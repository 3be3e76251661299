"""Requests made up from the contract, sent to a served process as one reader, and every answer judged by it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode

from api.auth import COOKIE

SEED = 20_270_112
LEFT_OUT = {
    "followJob": "its answer has no end; tests/api/test_live.py reads it",
    "followEvents": "its answer has no end; tests/api/test_live.py reads it",
    "signOut": "it would end the session by which everything else is asked; tests/api/test_auth.py asks it",
    "revokeSignIn": "likewise",
}
"""Operations that are not walked, each with its reason."""

NOT_ASKED = {
    "unsupported_method": "TRACE and made-up methods are answered by the HTTP server before the application is asked",
    "use_after_free": "a rule about sequences; a single request has none",
    "ensure_resource_availability": "a rule about sequences; a single request has none",
    "missing_required_header": "a rule about requests of a phase that is not walked",
    "max_response_time": "time depends on the machine; benchmarks tell of it",
}
"""Checks that are left out, each with its reason."""


REFUSALS = ["401", "403", "404", "409", "412", "422", "428", "429", "503"]
"""How a request is refused that was well formed: by who asks, by what there is, by rules of the business, by limits."""
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", *REFUSALS]},
            "negative_data_rejection": {"expected-statuses": ["400", "405", "413", "415", *REFUSALS]},
        }
    }
)


@dataclass(slots=True)
class Walk:
    """What a reader was answered: how often each status, and what was wrong."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)


def asked() -> list[Any]:
    """Return the checks that judge every answer."""
    checks.load_all_checks()
    return [check for check in checks.CHECKS.get_all() if check.__name__ not in NOT_ASKED]


def walk(
    url: str, document: dict[str, Any], headers: dict[str, str], examples: int, share: tuple[int, int], *, wrong: bool
) -> Walk:
    """Send `examples` requests with `headers` for each operation of a `share` of `document`; judge the answers.

    A share is its number and how many there are. Where `wrong`, as many requests besides break the contract.
    """
    found, session, judges = Walk(), requests.Session(), asked()
    schema = schemathesis.openapi.from_dict(document, config=CONFIG)
    number, shares = share
    for place, result in enumerate(schema.get_all_operations()):
        operation = cast("Any", result).ok()
        name = operation.definition.raw["operationId"]
        if name in LEFT_OUT or place % shares != number:
            continue
        for mode in (GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if wrong else [])):
            _ask(found, operation, mode, name, url, headers, examples, session, judges)
    return found


def _ask(
    found: Walk,
    operation: Any,
    mode: GenerationMode,
    name: str,
    url: str,
    headers: dict[str, str],
    examples: int,
    session: Any,
    judges: Any,
) -> None:
    @seeded(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def each(case: Any) -> None:
        unsigned(case)
        once(case)
        answer = case.call(base_url=url, headers=headers, session=session, timeout=30)
        found.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=judges, headers=headers)
        except (FailureGroup, Failure) as failure:
            for one in getattr(failure, "exceptions", [failure]):
                found.failures.setdefault(f"{name} {type(one).__name__}", f"{answer.status_code} {one}"[:700])

    try:
        each()
    except Unsatisfiable:  # what takes nothing, or any words at all, can be sent nothing wrong
        if mode.is_positive:
            raise


def unsigned(case: Any) -> None:
    """Take the made-up session and token from a request: it carries the reader's, or none."""
    for part, name in ((case.cookies, COOKIE), (case.headers, "Authorization")):
        if part:
            part.pop(name, None)


def once(case: Any) -> None:
    """Have a parameter that is given several times be given once: the product reads one of them and refuses none."""
    for name, value in (case.query or {}).items():
        if isinstance(value, list) and value:
            case.query[name] = value[-1]
