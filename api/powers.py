"""Which power each operation needs of a person: one table, asked before anything else about the request.

The API and the console are told by the same line: the API's root and the types of parameters are left out. Whoever
reads needs `Power.READ` where no line says otherwise; a change without a line is refused to everybody. What the
organisation may do is asked by the actions; here it is only asked what this person, or this token, may do for it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from api.auth import SAFE_METHODS, identify, require_second_factor
from domain.errors import NotVerified, PersonMayNot
from domain.kinds import Standing
from domain.powers import Power

ROOT = "/api/v1"
KIND = re.compile(r":\w+\}")
UNASKED = frozenset({"HEAD", "OPTIONS"})

OPEN = """
GET /calendar/{secret}/deadlines.ics
GET /claim
POST /claim
POST /claims
GET /docs
GET /docs/openapi.json
GET /docs/{path}
POST /entries
POST /esign/notices
GET /health
GET /join/{secret}
POST /join/{secret}
POST /language
GET /login
POST /login
POST /logout
GET /problems/{code}
GET /ready
GET /files/{ticket}/{name}
GET /login/code
POST /login/code
GET /login/oidc/{name}
GET /login/oidc/{name}/callback
GET /recovery
GET /recovery/new
POST /recoveries
POST /recoveries/uses
POST /recovery
POST /recovery/new
POST /sign-ins
DELETE /sign-ins/current
GET /static/{file_path}
GET /verifications/{sha256}
GET /verify/{sha256}
"""
"""Open to everybody, whatever he may do: coming in, going out, and what is told to strangers."""

NEEDED: Mapping[Power, str] = {
    Power.OWN: """
        GET /
        POST /calendar
        DELETE /calendar
        GET /channels
        POST /channels
        PUT /channels/{identity}
        DELETE /channels/{identity}
        POST /channels/{identity}/test
        GET /claims/own
        GET /letters
        GET /me
        PATCH /me
        GET /me/identities
        DELETE /me/identities/{identity}
        PUT /me/password
        GET /me/second-factor
        POST /me/second-factor
        DELETE /me/second-factor
        POST /me/second-factor/confirmation
        POST /me/second-factor/recovery-codes
        GET /my/tokens
        POST /my/tokens
        POST /my/tokens/{identity}/removal
        GET /notifications
        POST /notifications
        POST /notifications/calendar
        POST /notifications/calendar/removal
        GET /notifications/{identity}
        POST /notifications/{identity}
        POST /notifications/{identity}/removal
        POST /notifications/{identity}/test
        GET /personal-data
        POST /personal-data/erasure
        GET /security
        POST /security/identities/{identity}/removal
        POST /security/password
        GET /security/proof
        POST /security/proof
        POST /security/second-factor
        POST /security/second-factor/codes
        POST /security/second-factor/confirmation
        POST /security/second-factor/removal
        POST /security/sign-ins/end-others
        POST /security/sign-ins/{identity}/end
        GET /sign-ins
        DELETE /sign-ins
        POST /sign-ins/current/proofs
        DELETE /sign-ins/{sign_in_id}
        POST /tokens
    """,
    Power.PUBLISH: """
        POST /opportunities
        PUT /opportunities/{identity}
        POST /opportunities/{identity}/closure
        POST /opportunities/{identity}/publication
        POST /opportunities/{identity}/withdrawal
        POST /opportunities/{identity}/zone
    """,
    Power.DECLARE: """
        POST /capabilities
        PUT /capabilities/{identity}
        PUT /capabilities/{identity}/capacity
        PUT /disclosure/{field}
        POST /my/disclosure/{field}
        POST /capabilities/{identity}/retirement
        POST /certificates
        PUT /firms/{identity}/controller
        POST /imports
        POST /imports/{identity}/undoing
        POST /lone-bids/{identity}/withdrawal
        POST /my/capabilities
        POST /my/capabilities/{identity}
        POST /my/capabilities/{identity}/capacity
        POST /my/capabilities/{identity}/retirement
        POST /my/controller
        POST /opportunities/{identity}/lone-bids
    """,
    Power.FORM: """
        POST /amendments/{identity}/refusal
        POST /amendments/{identity}/withdrawal
        POST /consortia
        POST /consortia/{identity}/acknowledgements
        POST /consortia/{identity}/amendments
        POST /consortia/{identity}/bid
        POST /consortia/{identity}/clauses
        PUT /consortia/{identity}/clauses
        POST /consortia/{identity}/clauses/preview
        POST /consortia/{identity}/closure
        POST /consortia/{identity}/dissolution
        POST /consortia/{identity}/evaluations
        POST /consortia/{identity}/filing
        POST /consortia/{identity}/filings
        POST /consortia/{identity}/invitations
        POST /consortia/{identity}/loss
        POST /consortia/{identity}/milestones
        POST /consortia/{identity}/repairs
        POST /consortia/{identity}/replacements
        POST /consortia/{identity}/start
        POST /consortia/{identity}/suggestions
        POST /consortia/{identity}/win
        POST /evaluations/{identity}/reply
        POST /filings/{identity}/acceptance
        POST /filings/{identity}/return
        POST /filings/{identity}/submission
        POST /filings/{identity}/waiver
        POST /i/{identity}/acceptance
        POST /i/{identity}/confidentiality
        POST /i/{identity}/counter
        POST /i/{identity}/counter-check
        POST /i/{identity}/decline
        POST /i/{identity}/delegation
        POST /jobs/{identity}/cancellation
        POST /memberships/{identity}/acceptance
        POST /memberships/{identity}/confidentiality
        POST /memberships/{identity}/counter
        POST /memberships/{identity}/counter-check
        POST /memberships/{identity}/counter-checks
        POST /memberships/{identity}/decline
        POST /memberships/{identity}/delegation
        POST /memberships/{identity}/extension
        POST /memberships/{identity}/invitation
        POST /memberships/{identity}/withdrawal
        POST /milestones/{identity}/report
        POST /opportunities/{identity}/answers
        POST /opportunities/{identity}/cancellation
        POST /opportunities/{identity}/questions
        POST /opportunities/{identity}/suggestions
        POST /portfolios
        POST /questions/{identity}/cancellation
        POST /suggestions/{identity}/adoption
        POST /suggestions/{identity}/answers
        POST /suggestions/{identity}/questions
    """,
    Power.SIGN: """
        POST /amendments/{identity}/signatures
        POST /consortia/{identity}/envelopes
        POST /consortia/{identity}/signatures
    """,
    Power.PEOPLE: """
        POST /people/{identity}/recoveries
        POST /security/people/{identity}/recovery
        GET /entry-links
        POST /entry-links
        POST /entry-links/{identity}/renewal
        DELETE /entry-links/{identity}
        GET /people
        PUT /people/{identity}/duties
        POST /people/{identity}/suspension
        POST /people/{identity}/reinstatement
        POST /people/{identity}/removal
        POST /people/links
        POST /people/links/{identity}/renewal
        POST /people/links/{identity}/removal
        POST /people/{identity}/duties
    """,
    Power.CONNECT: """
        POST /abroad
        POST /abroad/assessments
        POST /deliveries/{identity}/replay
        GET /webhooks
        POST /webhooks
        DELETE /webhooks/{identity}
        GET /webhooks/{identity}
        POST /webhooks/{identity}
        PUT /webhooks/{identity}
        POST /webhooks/{identity}/activation
        POST /webhooks/{identity}/deactivation
        GET /webhooks/{identity}/deliveries
        POST /webhooks/{identity}/removal
        POST /webhooks/{identity}/replays
        POST /webhooks/{identity}/rotation
        POST /webhooks/{identity}/test
    """,
    Power.STATISTICS: """
        GET /bureau
        GET /bureau/gaps
        GET /bureau/statistics
        GET /bureau/statistics/{identity}
        GET /indicators
        GET /statistics
        GET /statistics/{identity}
        GET /statistics/{identity}/csv
        POST /what-ifs
    """,
    Power.VERIFY: """
        POST /bureau/cases
        POST /bureau/cases/{identity}/closing
        POST /bureau/cases/{identity}/readings
        POST /cases
        POST /cases/{identity}/closing
        POST /cases/{identity}/readings
        GET /claims
        GET /claims/{identity}
        POST /claims/{identity}/refusal
        POST /claims/{identity}/verification
        POST /firms/{identity}/suspension
        POST /firms/{identity}/reinstatement
    """,
}
"""The table: each operation that needs something else than `Power.READ`, by what it needs."""


class PowersFirst(ASGIMiddleware):
    """Lets a person do only what he may do, before anything is read or answered for him."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raise PersonMayNot, NotVerified where it is the organisation that is nobody yet, or SecondFactorNeeded."""
        request: Request[Any, Any, Any] = Request(scope)
        operation = named(request.method, scope.get("path_template", ""))
        if operation not in _open() and request.method not in UNASKED:
            await _ask(request, operation)
        await next_app(scope, receive, send)


async def _ask(request: Request[Any, Any, Any], operation: str) -> None:
    found = await identify(request)
    if found is None:
        return  # who has to be signed in is told so by what the operation depends on
    needed = _table().get(operation, Power.READ if request.method in SAFE_METHODS else None)
    if needed is not None and found.actor.may(needed):
        if needed is Power.SIGN:
            require_second_factor(request, found)
        return
    if found.standing is not Standing.VERIFIED:
        raise NotVerified(standing=str(found.standing))
    raise PersonMayNot(power=str(needed or "nobody"))


def named(method: str, path: str) -> str:
    """Return an operation as the table names it.

    >>> named("POST", "/api/v1/memberships/{identity:uuid}/acceptance")
    'POST /memberships/{identity}/acceptance'
    """
    return f"{method} {KIND.sub('}', path).removeprefix(ROOT)}"


def undecided(app: Litestar) -> Iterator[str]:
    """Yield each change that no line of the table decides on, and each line that decides on nothing."""
    there = {
        named(method, route.path)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - UNASKED
    }
    decided = _open() | _table().keys()
    yield from sorted(each for each in there - decided if not each.startswith("GET "))
    yield from sorted(decided - there)


@cache
def _open() -> frozenset[str]:
    return frozenset(_lines(OPEN))


@cache
def _table() -> Mapping[str, Power]:
    return {operation: power for power, text in NEEDED.items() for operation in _lines(text)}


def _lines(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, text.splitlines()))
