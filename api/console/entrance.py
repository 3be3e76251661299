"""Coming in, going out, and choosing a language."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.auth import COOKIE, ended_cookie, enter, session_cookie
from api.console.forms import Reading, beside
from api.console.page import Reader, back, local, page
from api.i18n import DEFAULT, LOCALE_COOKIE, supported
from api.idempotency import OWN_TRANSACTIONS
from api.problems import problem
from api.wire.auth import SignInIn
from domain.errors import Invalid, TooMany, WrongPassword

A_YEAR = 365 * 86_400


@get("/login")
async def sign_in_page(guest: NamedDependency[Reader], next: FromQuery[str | None] = None) -> Response[Any]:
    """Show the sign-in form; whoever has signed in goes on."""
    if guest.known:
        return back(local(next))
    return page(guest, "login", next=local(next), email="", faults={})


@post("/login", opt={OWN_TRANSACTIONS: True})
async def sign_in(
    request: Request[None, None, State],
    state: State,
    guest: NamedDependency[Reader],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Sign in, or say beside the field what is wrong."""
    onward = local(data.get("next"))
    try:
        given = Reading(data).wire(SignInIn, {name: data.get(name, "") for name in ("email", "password")})
        opened = await enter(state, given.email, given.password, request.cookies.get(COOKIE))
    except (Invalid, WrongPassword, TooMany) as refused:
        told = problem(request, refused)
        faults = beside(guest.locale, refused) if isinstance(refused, Invalid) else {"password": told.title}
        return page(guest, "login", status=told.status, next=onward, email=data.get("email", ""), faults=faults)
    return back(onward, None, session_cookie(state, opened.secret))


@post("/logout")
async def sign_out(guest: NamedDependency[Reader], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """Sign out: the session ends at once."""
    if guest.signed_in is not None:
        await actions.revoke(session, guest.signed_in.actor, guest.signed_in.sign_in_id)
    return back("/login", "signed-out", ended_cookie())


@post("/language")
async def choose_language(data: URLEncodedBody[dict[str, str]]) -> Response[Any]:
    """Show the console in another language from now on, in this browser."""
    chosen = supported(data.get("to")) or DEFAULT
    cookie = Cookie(key=LOCALE_COOKIE, value=chosen, max_age=A_YEAR, httponly=True, samesite="lax")
    return back(local(data.get("back")), None, cookie)


HANDLERS = (sign_in_page, sign_in, sign_out, choose_language)
