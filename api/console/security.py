"""Account security: password, second factor, sessions, tokens, linked accounts, and links for colleagues."""

import re
from base64 import b64encode
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.actions import identities, recovery, second_factor
from api.actions.second_factor import Offered
from api.auth import BEFORE_SECOND_FACTOR, idle_of, needs_second_factor, prove_again, prove_password, session_cookie
from api.console.entrance import said
from api.console.forms import Form, Reading
from api.console.page import Reader, back, local, page
from api.console.recovery import kept_apart
from api.db import transaction
from api.idempotency import OWN_TRANSACTIONS, TELLS_A_SECRET
from api.papers.qr import as_png
from api.queries import actors, credentials
from api.sending.letters import recovery_address
from api.tenancy import Office, doing
from api.wire.security import CodeIn, PasswordIn, ProofIn
from domain.errors import Invalid, TooMany, WrongPassword

HOME = "/security"
OPT = {BEFORE_SECOND_FACTOR: True}
ONCE = {BEFORE_SECOND_FACTOR: True, TELLS_A_SECRET: True}
APART = {BEFORE_SECOND_FACTOR: True, OWN_TRANSACTIONS: True}
BROWSERS = (
    ("MicroMessenger", "微信 WeChat"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
           ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip

AnyRequest = Request[None, None, State]


def device(agent: str | None) -> str | None:
    """Return what a browser calls itself, in two words; None where it is none that people know.

    >>> device("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36")
    'Chrome · Linux'
    >>> device("python-httpx/0.28.1"), device(None)
    ('python-httpx', None)
    """
    found = [next((name for sign, name in kinds if sign in (agent or "")), None) for kinds in (BROWSERS, SYSTEMS)]
    known = [name for name in found if name]
    if known:
        return " · ".join(known)
    program = re.match(r"[A-Za-z][A-Za-z0-9._-]{0,30}(?=/)", agent or "")
    return program[0] if program else None


@get(HOME, opt=OPT)
async def show(state: State, reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show how one signs in, and where one is signed in."""
    return await security_page(state, reader, snapshot)


async def security_page(
    state: State, reader: Reader, session: AsyncSession, *, status: int = 200, **more: Any
) -> Response[Any]:
    """Return the page; `more` is what is shown this once, or what was typed wrong."""
    settings = state.settings
    rows = await actors.sign_ins_of(session, reader.actor, idle_of(state))
    admin = await actors.is_admin(session, reader.actor)
    people = [user for user in await actors.colleagues(session, reader.actor) if user.id != reader.actor.user_id]
    watching = actions.WATCHERS & reader.actor.roles
    shown: dict[str, Any] = {"offered": None, "codes": (), "link": None, "faults": {}, "typed": {}}
    return kept_apart(
        page(
            reader,
            "security",
            status=status,
            standing=await credentials.standing(session, reader.actor),
            required=needs_second_factor(settings, reader.actor),
            composed=settings.djb_passwords and bool(watching),
            sessions=[(row, device(row.agent)) for row in rows if row.browser],
            current=reader.proven.sign_in_id,
            identities=await credentials.identities(session, reader.actor),
            colleagues=people if admin else [],
            providers=state.providers.all(),
            settings=settings,
            **(shown | more),
        )
    )


@get(HOME + "/proof", opt=OPT)
async def proof_page(reader: NamedDependency[Reader], next: FromQuery[str | None] = None) -> Response[Any]:
    """Ask for password or code once more."""
    return page(reader, "proof", next=local(next) if next else HOME, faults={})


@post(HOME + "/proof", opt=APART)
async def prove(
    request: AnyRequest, state: State, reader: NamedDependency[Reader], data: URLEncodedBody[dict[str, str]]
) -> Response[Any]:
    """Take password or code, and go on; or say what is wrong."""
    onward, form = local(data.get("next")), Reading(data)
    try:
        given = form.wire(ProofIn, {"password": data.get("password") or None, "code": form.text("code")})
        secret = await prove_again(state, reader.proven, password=given.password, code=given.code)
    except (Invalid, WrongPassword, TooMany) as refused:
        status, faults = said(request, reader, refused, "password" if data.get("password") else "code")
        return page(reader, "proof", status=status, next=onward, faults=faults)
    return back(onward, None, session_cookie(state, secret))


@post(HOME + "/password", opt=APART)
async def change_password(
    request: AnyRequest, state: State, reader: NamedDependency[Reader], data: URLEncodedBody[dict[str, str]]
) -> Response[Any]:
    """Change the password, or say beside the field what is wrong."""
    try:
        secret = await _changed(state, reader, data)
    except (Invalid, WrongPassword, TooMany) as refused:
        status, faults = said(request, reader, refused, "present")
        async with transaction(state.sessions, doing(Office.GATE)) as session:
            return await security_page(state, reader, session, status=status, faults=faults)
    return back(HOME, "password-changed", session_cookie(state, secret))


async def _changed(state: State, reader: Reader, data: Form) -> str:
    wanted = {"present": data.get("present", ""), "new": data.get("new", ""), "tokens": bool(data.get("tokens"))}
    given = Reading(data).wire(PasswordIn, wanted)
    await prove_password(state, reader.proven, given.present)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        return await actions.change_password(
            session, reader.proven, given.new, djb=state.settings.djb_passwords, tokens=given.tokens
        )


@post(HOME + "/second-factor", opt=ONCE)
async def offer(state: State, reader: NamedDependency[Reader], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show the QR code and the secret for an app, this once."""
    offered = await second_factor.offer(session, reader.proven)
    return await security_page(state, reader, session, offered=drawn(offered))


def drawn(offered: Offered) -> dict[str, str]:
    """Return what an app needs as a page shows it: the secret in groups, and the QR code inside the page."""
    groups = " ".join(re.findall(".{1,4}", offered.secret))
    return {"secret": groups, "image": "data:image/png;base64," + b64encode(as_png(offered.uri)).decode()}


@post(HOME + "/second-factor/confirmation", opt=ONCE)
async def confirm(
    request: AnyRequest,
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Put the second factor in force and show the codes for once; or the QR code again, and what is wrong."""
    try:
        codes = await _confirmed(reader, session, data)
    except (Invalid, WrongPassword) as refused:
        status, faults = said(request, reader, refused, "code")
        again = drawn(await second_factor.offered(session, reader.proven))
        return await security_page(state, reader, session, status=status, faults=faults, offered=again)
    shown = await security_page(state, reader, session, codes=codes)
    shown.cookies.append(session_cookie(state, await actions.renew(session, reader.proven, second_factor=True)))
    return shown


async def _confirmed(reader: Reader, session: AsyncSession, data: Form) -> tuple[str, ...]:
    given = Reading(data).wire(CodeIn, {"code": data.get("code", "")})
    return await second_factor.confirm(session, reader.proven, given.code)


@post(HOME + "/second-factor/codes", opt=ONCE)
async def renew_codes(
    state: State, reader: NamedDependency[Reader], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Show ten new codes for once, this once."""
    codes = await second_factor.renew_codes(session, reader.proven)
    return await security_page(state, reader, session, codes=codes)


@post(HOME + "/second-factor/removal", opt=OPT)
async def remove_second_factor(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Do without a second factor."""
    await second_factor.remove(session, reader.proven)
    return back(f"{HOME}#second-factor", "second-factor-removed")


@post(HOME + "/sign-ins/{identity:uuid}/end", opt=OPT)
async def end_sign_in(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """End one session or token."""
    await actions.end_one(session, reader.proven, identity)
    return back(f"{HOME}#sessions", "sign-in-ended")


@post(HOME + "/sign-ins/end-others", opt=OPT)
async def end_others(reader: NamedDependency[Reader], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """End all sessions but this one."""
    actions.require_fresh(reader.proven)
    await actions.end_others(session, reader.proven, tokens=False)
    return back(f"{HOME}#sessions", "others-ended")


@post(HOME + "/identities/{identity:uuid}/removal", opt=OPT)
async def unlink(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Unlink an account elsewhere."""
    await identities.unlink(session, reader.proven, identity)
    return back(f"{HOME}#identities", "identity-unlinked")


@post(HOME + "/people/{identity:uuid}/recovery", opt={TELLS_A_SECRET: True})
async def issue_link(
    state: State, reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Make a link for a colleague, and show it this once."""
    secret = await recovery.issue(session, reader.proven, identity)
    user = await credentials.colleague(session, reader.actor, identity)
    link = {"name": user.name, "url": recovery_address(state.settings, secret)}
    return await security_page(state, reader, session, link=link)


HANDLERS = (
    show, proof_page, prove, change_password, offer, confirm, renew_codes, remove_second_factor, end_sign_in,
    end_others, unlink, issue_link,
)  # fmt: skip
