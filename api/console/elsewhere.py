"""Signing in by an account elsewhere, and linking one: out to its provider and back."""

from typing import Any

import structlog
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from api.actions import identities, throttles
from api.actions.auth import require_fresh
from api.auth import (
    BEFORE_SECOND_FACTOR,
    CrossSite,
    believed,
    caller_of,
    cookie_name,
    ended_cookie,
    own_site,
    secret_cookie,
)
from api.console.entrance import entered
from api.console.page import Reader, back, local
from api.db import transaction
from api.idempotency import OWN_TRANSACTIONS
from api.oidc import ATTEMPT, Attempt, Identity, NotProven, Provider
from api.tenancy import Office, doing
from domain.errors import NotFound

COOKIE = "lz_elsewhere"
OPT = {BEFORE_SECOND_FACTOR: True, OWN_TRANSACTIONS: True}
AnyRequest = Request[None, None, State]
log = structlog.get_logger("lianzhou.oidc")


@get("/login/oidc/{name:str}", opt=OPT)
async def set_out(
    request: AnyRequest,
    state: State,
    guest: NamedDependency[Reader],
    name: FromPath[str],
    link: FromQuery[bool] = False,
    next: FromQuery[str | None] = None,
) -> Redirect:
    """Send a browser to a provider, when its own user wants that; with `link`, to link the account there."""
    provider = provider_of(state, name)
    if not own_site(request):
        raise CrossSite()
    sign_in = linking(guest) if link else None
    attempt = Attempt.set_out(provider, local(next), sign_in)
    return await _sent(state, provider, attempt)


async def _sent(state: State, provider: Provider, attempt: Attempt) -> Redirect:
    try:
        url = await state.providers.authorization_url(provider, attempt)
    except NotProven as refused:
        raise _noted(provider, refused) from refused
    cookie = secret_cookie(state, COOKIE, attempt.sealed(), ATTEMPT)
    return Redirect(url, status_code=303, cookies=[cookie], headers={"Cache-Control": "no-store"})


def linking(guest: Reader) -> str:
    """Return the session that may link an account now. Raises NotSignedIn, ProveAgain, SessionNeeded."""
    require_fresh(guest.proven)
    return str(guest.proven.sign_in_id)


@get("/login/oidc/{name:str}/callback", opt=OPT)
async def come_back(
    request: AnyRequest, state: State, guest: NamedDependency[Reader], name: FromPath[str]
) -> Response[Any]:
    """Take a browser that comes back: link the account there, or sign in by it."""
    provider, caller = provider_of(state, name), caller_of(request)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.BY_ADDRESS, caller.address)
    attempt, found = await _proven(request, state, provider)
    answer = await _linked(state, guest, attempt, found) if attempt.sign_in else await _entered(
        request, state, attempt, found)  # fmt: skip
    answer.cookies.append(ended_cookie(state, COOKIE))
    return answer


async def _proven(request: AnyRequest, state: State, provider: Provider) -> tuple[Attempt, Identity]:
    try:
        attempt = Attempt.opened(request.cookies.get(cookie_name(state.settings, COOKIE)), provider.id)
        return attempt, await state.providers.identity(provider, attempt, dict(request.query_params))
    except NotProven as refused:
        raise _noted(provider, refused) from refused


async def _linked(state: State, guest: Reader, attempt: Attempt, found: Identity) -> Response[Any]:
    if linking(guest) != attempt.sign_in:
        raise identities.ProviderRefused()
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await identities.link(
            session, guest.proven, provider=attempt.provider, issuer=found.issuer, subject=found.subject
        )
    return back("/security#identities", "identity-linked")


async def _entered(request: AnyRequest, state: State, attempt: Attempt, found: Identity) -> Response[Any]:
    caller = caller_of(request)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        user = await identities.opened_by(session, issuer=found.issuer, subject=found.subject)
        await throttles.give_back(session, throttles.BY_ADDRESS, caller.address)
    return entered(state, await believed(state, caller, user), attempt.onward)


def provider_of(state: State, name: str) -> Provider:
    """Return the provider of this name. Raises NotFound."""
    provider: Provider | None = state.providers.get(name)
    if provider is None:
        raise NotFound(noun="identity_provider")
    return provider


def _noted(provider: Provider, refused: NotProven) -> identities.ProviderRefused:
    log.warning("sign_in.refused", provider=provider.id, reason=refused.reason)
    return identities.ProviderRefused()


HANDLERS = (set_out, come_back)
