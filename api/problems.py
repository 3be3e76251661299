"""Every exception becomes one refusal, and every refusal one answer: application/problem+json (RFC 9457).

``STATUS`` says which status a refusal has, ``CONSTRAINTS`` which refusal a broken constraint is. Nothing of what
failed inside is told; it is logged once, under the request's id, which the answer carries.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import Any
from uuid import uuid4

import asyncpg
import structlog
from litestar import Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.types import Message as ASGIMessage
from litestar.types import Scope
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from api.actions.lone_bids import LoneBidStands, SeatStands
from api.conditional import PreconditionFailed
from api.i18n import Locale, locale_of, say, speaks
from domain.errors import (
    AlreadyExists,
    CapacityExceeded,
    DeadlinePassed,
    DomainError,
    Fault,
    IllegalTransition,
    Invalid,
    KeyReused,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PreconditionRequired,
    RuleBroken,
    SeatTaken,
    Stale,
    StillReferenced,
    TooMany,
    Unavailable,
)
from domain.message import Message, Parameter

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "X-Request-Id"
PATIENCE = 5
"""Seconds after which a refusal for want of the database may be tried again."""

AnyRequest = Request[Any, Any, Any]
log = structlog.get_logger("lianzhou.problems")


class BadRequest(DomainError):
    """The request does not keep to HTTP."""

    code = "bad-request"


class Malformed(BadRequest):
    """The body is not JSON, not UTF-8, or nested beyond reason."""

    code = "malformed"


class NoSuchAddress(DomainError):
    """No resource has this path."""

    code = "no-such-address"


class MethodNotAllowed(DomainError):
    """The path has a resource, and it does not take this method."""

    code = "method-not-allowed"


class NotAcceptable(DomainError):
    """None of the formats asked for can be given."""

    code = "not-acceptable"


class TooLarge(DomainError):
    """The body is larger than the address takes."""

    code = "too-large"


class UnsupportedMediaType(DomainError):
    """The body is of a type that the address does not take."""

    code = "unsupported-media-type"


class Internal(DomainError):
    """Something of ours is broken."""

    code = "internal"


STATUS: Mapping[type[DomainError], int] = {
    BadRequest: 400,
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    NoSuchAddress: 404,
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    RuleBroken: 409,
    Stale: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    Invalid: 422,
    KeyReused: 422,
    PreconditionRequired: 428,
    TooMany: 429,
    Internal: 500,
    Unavailable: 503,
    DomainError: 400,
}
"""The nearest class decides: WrongPassword is answered as NotSignedIn is."""

HTTP: Mapping[int, type[DomainError]] = {
    401: NotSignedIn,
    403: NotAllowed,
    404: NoSuchAddress,
    405: MethodNotAllowed,
    406: NotAcceptable,
    413: TooLarge,
    415: UnsupportedMediaType,
    500: Internal,
}

CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "ck_capacity_month_no_overcommit": CapacityExceeded,
    "ck_capacity_hold_edge": lambda: IllegalTransition(noun="capacity_hold"),
    "ck_invitation_open": DeadlinePassed,
    "uq_membership_one_consortium_per_opportunity": SeatTaken,
    "uq_membership_seat": SeatTaken,
    "ck_bid_claim_lone": LoneBidStands,
    "ck_bid_claim_seated": SeatStands,
    "uq_membership_lead": lambda: RuleBroken(rule="one-lead"),
}
"""Constraints whose breach has a name of its own; the others are known by their kind (see ``_broken``)."""


class TooManyInvitations(TooMany):
    """The chain leader has sent as many invitations as one may send in a day."""

    code = "too-many-invitations"


class TooManyLive(TooMany):
    """The firm has as many unanswered invitations from this chain leader as it may have at one time."""

    code = "too-many-live"


class DeclinedOften(TooMany):
    """The firm has declined and been asked again as often as one may ask."""

    code = "declined-often"


QUOTAS: Mapping[str, type[TooMany]] = {
    "quota_invitations": TooManyInvitations,
    "quota_live_invitations": TooManyLive,
    "quota_reinvitations": DeclinedOften,
}
"""What the guard of invitations refuses by; the seconds to wait stand in the detail of its exception."""

UNSTORABLE = frozenset({"22000", "22001", "22003", "22021", "22P02", "22P05"})
CONTENDED = frozenset({"40001", "40P01", "55P03"})
OUT_OF_REACH = ("08", "53", "57")
UNREACHABLE = (ConnectionError, PoolTimeout, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A refusal, worded for one reader; the console shows the same one on a page or beside a field."""

    code: str
    title: str
    status: int
    params: Mapping[str, Parameter]
    errors: tuple[Mapping[str, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(request: AnyRequest, exception: Exception) -> Response[dict[str, Any]]:
    """Answer any exception with a problem document. It is the application's one exception handler."""
    told = problem(request, exception)
    body: dict[str, Any] = {
        "type": f"/problems/{told.code}",
        "title": told.title,
        "status": told.status,
        "instance": request.scope["path"],
        "code": told.code,
        "params": dict(told.params),
        "request": request_id(request.scope),
    }
    if told.errors:
        body["errors"] = list(told.errors)
    return Response(body, status_code=told.status, media_type=MEDIA_TYPE, headers=dict(told.headers))


def problem(request: AnyRequest, exception: Exception) -> Problem:
    """Word `exception` for the reader of `request`; what is our own fault is logged here, once."""
    refusal = refusal_of(exception)
    locale = locale_of(request)
    params = dict(refusal.params)
    if isinstance(refusal, Internal):
        params = {"request": request_id(request.scope)}
        log.error("request.failed", request=params["request"], path=request.scope["path"], exc_info=exception)
    _note(request, refusal)
    faults = refusal.faults if isinstance(refusal, Invalid) else ()
    if faults:
        params["count"] = len(faults)
    return Problem(
        code=refusal.code,
        title=say(locale, Message(code=refusal.code, params=params), section="refusal"),
        status=status_of(refusal),
        params=params,
        errors=tuple(_told(locale, fault) for fault in faults),
        headers=_headers(request, refusal, locale),
    )


SECURITY = frozenset({401, 403, 422, 429})
"""Refusals that are events of security: who was not let in, not allowed, too fast, or sent what nobody's form sends."""


def _note(request: AnyRequest, refusal: DomainError) -> None:
    """Write a refusal that concerns security to the log: what, where and whose, and nothing that was sent."""
    if (status := status_of(refusal)) not in SECURITY:
        return
    found = request.scope.get("auth")
    log.info(
        "security.refused",
        status=status,
        code=refusal.code,
        method=request.method,
        path=request.scope["path"],
        request=request_id(request.scope),
        user=str(found.actor.user_id) if found is not None else None,
    )


def status_of(refusal: DomainError) -> int:
    """Return the HTTP status of a refusal.

    >>> status_of(KeyReused()), status_of(SeatTaken())
    (422, 409)
    """
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def fault_said(locale: Locale, fault: Fault) -> str:
    """Word one fault: its code is a field rule, else anything the catalogues say."""
    section = "field" if speaks(locale, fault.code, section="field") else None
    return say(locale, Message(code=fault.code, params=fault.params), section=section)


def refusal_of(exception: BaseException) -> DomainError:
    """Return the refusal that an exception amounts to; Internal when it is a fault of ours."""
    if isinstance(exception, BaseExceptionGroup) and len(exception.exceptions) == 1:
        return refusal_of(exception.exceptions[0])
    if isinstance(exception, DomainError):
        return exception
    if isinstance(exception, HTTPException):
        return _http(exception)
    if isinstance(exception, StaleDataError):
        return Stale()
    if isinstance(exception, DBAPIError):
        return _database(exception)
    if isinstance(exception, UNREACHABLE):
        return Unavailable(seconds=PATIENCE)
    return Malformed() if _raised_by_decoding(exception) else Internal()


def request_id(scope: Scope) -> str:
    """Return the id of a request: the caller's own where it is a sensible one, else a new one; always the same one."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = dict(scope["headers"]).get(REQUEST_ID.lower().encode(), b"").decode("latin-1")
        state["request_id"] = given if re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given) else uuid4().hex
    return str(state["request_id"])


async def stamp(message: ASGIMessage, scope: Scope) -> None:
    """Tell the request's id with every answer. It is a ``before_send`` hook."""
    if message["type"] == "http.response.start":
        MutableScopeHeaders.from_message(message).setdefault(REQUEST_ID, request_id(scope))


def path_of(location: Sequence[int | str]) -> str:
    """Write where something is as a JSON path.

    >>> path_of(("packages", 2, "quantity"))
    '$.packages[2].quantity'
    >>> path_of(("odd key",))
    "$['odd key']"
    """
    return "$" + "".join(
        f"[{step!r}]" if isinstance(step, int) or not step.isidentifier() else f".{step}" for step in location
    )


def _told(locale: Locale, fault: Fault) -> Mapping[str, Any]:
    title = fault_said(locale, fault)
    return {"where": fault.where, "code": fault.code, "params": dict(fault.params), "title": title}


def _headers(request: AnyRequest, refusal: DomainError, locale: Locale) -> dict[str, str]:
    headers = {"Content-Language": locale, "Cache-Control": "no-store", REQUEST_ID: request_id(request.scope)}
    if isinstance(refusal, TooMany | Unavailable):
        headers["Retry-After"] = str(refusal.params.get("seconds", PATIENCE))
    if isinstance(refusal, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="lianzhou"'
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = ", ".join(_methods_of(request))
    return headers


def _methods_of(request: AnyRequest) -> Iterator[str]:
    for method in ("DELETE", "GET", "PATCH", "POST", "PUT"):
        try:
            request.app.asgi_router.handle_routing(path=request.scope["path"], method=method)
        except HTTPException:
            continue
        yield method


def _http(exception: HTTPException) -> DomainError:
    if isinstance(exception.__cause__, SerializationException):
        return Malformed()
    if isinstance(exception, ValidationException):
        return Invalid(tuple(_faults(exception)))
    if exception.status_code in (429, 503):
        seconds = int((exception.headers or {}).get("Retry-After", PATIENCE))
        return TooMany(seconds=seconds) if exception.status_code == 429 else Unavailable(seconds=seconds)
    default = BadRequest if exception.status_code < 500 else Internal
    return HTTP.get(exception.status_code, default)()


def _faults(exception: ValidationException) -> Iterator[Fault]:
    """Yield what was wrong: Pydantic's own list for a body, else what the framework says of parameters in prose."""
    listed = getattr(exception.__cause__, "errors", None)
    if listed is not None:
        for error in listed:
            yield Fault(where=path_of(error["loc"]), code=error["type"], params=_plain(error.get("ctx", {})))
    elif isinstance(exception.extra, list):
        for error in exception.extra:
            yield _parameter_fault(error)
    else:
        absent = re.search(r"required (\w+) parameter '([^']+)'", exception.detail)
        where = f"{absent[1]} {absent[2]}" if absent else "$"
        yield Fault(where=where, code="missing" if absent else "invalid-value")


def _plain(context: Mapping[str, Any]) -> dict[str, Parameter]:
    """Keep the figures of a Pydantic error that a message can carry."""
    return {
        name: value if isinstance(value, str | int | float | bool) or value is None else str(value)
        for name, value in context.items()
    }


PARAMETER_FAULTS: Sequence[tuple[str, str]] = (
    (r"Expected `int` >= (?P<ge>-?\d+)", "greater_than_equal"),
    (r"Expected `int` <= (?P<le>-?\d+)", "less_than_equal"),
    (r"Expected `int`", "int_parsing"),
    (r"Expected `float`", "float_parsing"),
    (r"Expected `bool`", "bool_parsing"),
    (r"Expected `str` of length >= (?P<min_length>\d+)", "string_too_short"),
    (r"Expected `str` of length <= (?P<max_length>\d+)", "string_too_long"),
    (r"Expected `str` matching regex '(?P<pattern>.*)'", "string_pattern_mismatch"),
    (r"Invalid UUID", "uuid_parsing"),
    (r"Expected `date`|Invalid RFC3339 encoded date\b", "date_parsing"),
    (r"Expected `datetime`|Invalid RFC3339 encoded datetime", "datetime_parsing"),
    (r"'data'", "missing"),
)
"""What msgspec says of a parameter, and the code that Pydantic has for the same."""


def _parameter_fault(error: Mapping[str, Any]) -> Fault:
    source = getattr(error.get("source"), "value", error.get("source"))
    where = "$" if source == "body" else f"{source or 'query'} {error.get('key', '')}".strip()
    for pattern, code in PARAMETER_FAULTS:
        if found := re.match(pattern, error["message"]):
            figures = {name: int(text) if text.isdigit() else text for name, text in found.groupdict().items()}
            return Fault(where=where, code=code, params=figures)
    return Fault(where=where, code="invalid-value")


def _database(error: DBAPIError) -> DomainError:
    """Tell what the database refused by SQLSTATE (PostgreSQL, appendix A)."""
    cause = error.orig.__cause__ if error.orig is not None else None
    state = str(getattr(error.orig, "sqlstate", None) or getattr(cause, "sqlstate", None) or "")
    if state.startswith("23"):
        return _broken(state, cause)
    if state in CONTENDED:
        return Stale()
    if state in UNSTORABLE:
        return Invalid((Fault(where="$", code="unstorable"),))
    if error.connection_invalidated or state.startswith(OUT_OF_REACH):
        return Unavailable(seconds=PATIENCE)
    return Internal()


def _broken(state: str, cause: Any) -> DomainError:
    """Tell which refusal a broken constraint is: by its name, else by its kind."""
    constraint, table = getattr(cause, "constraint_name", None) or "", getattr(cause, "table_name", None) or ""
    if constraint in CONSTRAINTS:
        return CONSTRAINTS[constraint]()
    if constraint in QUOTAS:
        return QUOTAS[constraint](seconds=int(getattr(cause, "detail", None) or PATIENCE))
    if state == "23503" and "still referenced" not in str(getattr(cause, "detail", "")):
        return NotFound(noun=constraint.removeprefix(f"fk_{table}_").removesuffix("_id"))
    if state in ("23001", "23503"):
        return StillReferenced(noun=table)
    if state == "23505":
        return AlreadyExists(noun=table)
    return RuleBroken(rule=constraint)


def _raised_by_decoding(exception: BaseException) -> bool:
    """Tell whether reading the body raised it: text that is not UTF-8, or brackets beyond the stack's depth.

    The same exceptions from anywhere else are bugs of ours.
    """
    if not isinstance(exception, UnicodeDecodeError | RecursionError):
        return False
    return any(frame.f_code.co_name == "decode_json" for frame, _ in walk_tb(exception.__traceback__))
