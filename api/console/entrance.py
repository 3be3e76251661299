"""Coming in, going out, and choosing a language."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.actions.auth import PENDING, Opened
from api.auth import (
    FORGOTTEN,
    OWED_COOKIE,
    Owed,
    begin,
    caller_of,
    cookie_name,
    ended_cookie,
    finish,
    secret_cookie,
    session_cookie,
)
from api.console.forms import Reading, beside
from api.console.page import Reader, back, local, page
from api.i18n import DEFAULT, LOCALE_COOKIE, supported
from api.idempotency import OWN_TRANSACTIONS
from api.problems import problem
from api.wire.auth import SignInIn
from api.wire.security import CodeIn
from domain.errors import DomainError, Invalid, TooMany, WrongPassword

A_YEAR = 365 * 86_400
Faults = dict[str, str]


@get("/login")
async def sign_in_page(
    state: State, guest: NamedDependency[Reader], next: FromQuery[str | None] = None
) -> Response[Any]:
    """Show the sign-in form; whoever has signed in goes on."""
    if guest.known:
        return back(local(next))
    return page(guest, "login", next=local(next), email="", faults={}, providers=state.providers.all())


@post("/login", opt={OWN_TRANSACTIONS: True})
async def sign_in(
    request: Request[None, None, State],
    state: State,
    guest: NamedDependency[Reader],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Sign in, or go on to the second step, or say beside the field what is wrong."""
    onward = local(data.get("next"))
    try:
        given = Reading(data).wire(SignInIn, {name: data.get(name, "") for name in ("email", "password")})
        found = await begin(state, caller_of(request), given.email, given.password)
    except (Invalid, WrongPassword, TooMany) as refused:
        status, faults = said(request, guest, refused, "password")
        shown = {"next": onward, "email": data.get("email", ""), "providers": state.providers.all()}
        return page(guest, "login", status=status, faults=faults, **shown)
    return entered(state, found, onward)


def said(request: Request[None, None, State], guest: Reader, refused: DomainError, field: str) -> tuple[int, Faults]:
    """Return the status of a refusal, and what to say beside which field."""
    told = problem(request, refused)
    return told.status, beside(guest.locale, refused) if isinstance(refused, Invalid) else {field: told.title}


def entered(state: State, found: Opened | Owed, onward: str) -> Response[Any]:
    """Send a browser onward with its session, or to where the code is asked for."""
    if isinstance(found, Owed):
        owed = secret_cookie(state, OWED_COOKIE, found.secret, PENDING)
        return back(f"/login/code?next={quote(onward)}", None, owed)
    return back(onward, None, session_cookie(state, found.secret))


@get("/login/code")
async def code_page(guest: NamedDependency[Reader], next: FromQuery[str | None] = None) -> Response[Any]:
    """Ask for the code that is owed."""
    return page(guest, "code", next=local(next), faults={})


@post("/login/code", opt={OWN_TRANSACTIONS: True})
async def give_code(
    request: Request[None, None, State],
    state: State,
    guest: NamedDependency[Reader],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Sign in by the code that was owed, or say what is wrong; after ten minutes one begins anew."""
    onward, owed = local(data.get("next")), request.cookies.get(cookie_name(state.settings, OWED_COOKIE), "")
    try:
        given = Reading(data).wire(CodeIn, {"code": data.get("code", "")})
        opened = await finish(state, caller_of(request), owed, given.code)
    except (Invalid, WrongPassword, TooMany) as refused:
        status, faults = said(request, guest, refused, "code")
        return page(guest, "code", status=status, next=onward, faults=faults)
    return back(onward, None, session_cookie(state, opened.secret), ended_cookie(state, OWED_COOKIE))


@post("/logout")
async def sign_out(
    state: State, guest: NamedDependency[Reader], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Sign out: the session ends at once."""
    if guest.signed_in is not None:
        await actions.revoke(session, guest.signed_in.actor, guest.signed_in.sign_in_id)
    answer = back("/login", "signed-out", ended_cookie(state))
    answer.headers.update(FORGOTTEN)
    return answer


@post("/language")
async def choose_language(data: URLEncodedBody[dict[str, str]]) -> Response[Any]:
    """Show the console in another language from now on, in this browser."""
    chosen = supported(data.get("to")) or DEFAULT
    cookie = Cookie(key=LOCALE_COOKIE, value=chosen, max_age=A_YEAR, httponly=True, samesite="lax")
    return back(local(data.get("back")), None, cookie)


HANDLERS = (sign_in_page, sign_in, code_page, give_code, sign_out, choose_language)
