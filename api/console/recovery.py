"""A new password by a link: asking for one, and using it."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody

from api.actions import recovery as actions
from api.actions import throttles
from api.auth import caller_of
from api.console.entrance import said
from api.console.forms import Reading
from api.console.page import Reader, back, page
from api.db import transaction
from api.idempotency import OWN_TRANSACTIONS
from api.tenancy import Office, doing
from api.wire.security import NewPasswordIn, RecoveryIn
from domain.errors import Invalid, TooMany

HOME = "/recovery"
OPT = {OWN_TRANSACTIONS: True}


@get(HOME)
async def ask_page(guest: NamedDependency[Reader]) -> Response[Any]:
    """Ask for the address."""
    return page(guest, "recovery", email="", faults={}, asked=False)


@post(HOME, opt=OPT)
async def ask(
    request: Request[None, None, State],
    state: State,
    guest: NamedDependency[Reader],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Have a link sent, and say the same whoever's address it is."""
    try:
        given = Reading(data).wire(RecoveryIn, {"email": data.get("email", "")})
        async with transaction(state.sessions, doing(Office.GATE)) as session:
            await throttles.count(session, throttles.BY_ADDRESS, caller_of(request).address)
            await actions.ask(session, given.email)
    except (Invalid, TooMany) as refused:
        status, faults = said(request, guest, refused, "email")
        return page(guest, "recovery", status=status, email=data.get("email", ""), faults=faults, asked=False)
    return page(guest, "recovery", email="", faults={}, asked=True)


@get(HOME + "/new")
async def new_page(guest: NamedDependency[Reader], secret: FromQuery[str | None] = None) -> Response[Any]:
    """Ask for the new password; whether the link holds is seen when it is used."""
    return kept_apart(page(guest, "recovery_new", secret=secret or "", faults={}))


@post(HOME + "/new", opt=OPT)
async def set_new(
    request: Request[None, None, State],
    state: State,
    guest: NamedDependency[Reader],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Set the new password and go to sign in, or say what is wrong."""
    try:
        given = Reading(data).wire(NewPasswordIn, {name: data.get(name, "") for name in ("secret", "password")})
        await used(request, state, given)
    except (Invalid, TooMany) as refused:
        status, faults = said(request, guest, refused, "password")
        return kept_apart(page(guest, "recovery_new", status=status, secret=data.get("secret", ""), faults=faults))
    return back("/login", "password-set")


async def used(request: Request[None, None, State], state: State, given: NewPasswordIn) -> None:
    """Count the try and commit that, then use the link. Raises TooMany, LinkSpent, Invalid."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.BY_ADDRESS, caller_of(request).address)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await actions.use(session, given.secret, given.password, djb=state.settings.djb_passwords)


def kept_apart(shown: Any) -> Response[Any]:
    """Return a page whose address or content is a secret: kept by no cache."""
    shown.headers["Cache-Control"] = "no-store"
    answer: Response[Any] = shown
    return answer


HANDLERS = (ask_page, ask, new_page, set_new)
