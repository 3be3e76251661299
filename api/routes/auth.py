"""Signing in and out, one's own sessions, API tokens and account."""

from datetime import timedelta
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.auth import COOKIE, ended_cookie, enter, session_cookie
from api.conditional import ETAG, IF_MATCH, etag
from api.idempotency import OWN_TRANSACTIONS, TELLS_A_SECRET
from api.queries import actors
from api.queries.actors import SignedIn
from api.wire.auth import MeIn, MeOut, SignInIn, SignInOut, TokenIn, TokenOut
from api.wire.base import Page
from domain.actor import Actor
from domain.kinds import Scope

TAGS = ("sign-in",)


@post("/sign-ins", operation_id="signIn", tags=TAGS, opt={OWN_TRANSACTIONS: True})
async def sign_in(request: Request[None, None, State], state: State, data: JSONBody[SignInIn]) -> Response[SignInOut]:
    """Sign in with e-mail address and password: the answer sets the session cookie."""
    opened = await enter(state, data.email, data.password, request.cookies.get(COOKIE))
    out = SignInOut.of(opened.sign_in, opened.sign_in.id)
    return Response(out, cookies=[session_cookie(state, opened.secret)])


@delete("/sign-ins/current", operation_id="signOut", tags=TAGS)
async def sign_out(signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]) -> Response[None]:
    """Sign out: the session or token that asks ends at once."""
    await actions.revoke(session, signed_in.actor, signed_in.sign_in_id)
    return Response(None, cookies=[ended_cookie()])


@get("/sign-ins", operation_id="listSignIns", tags=TAGS)
async def list_sign_ins(
    signed_in: NamedDependency[SignedIn], snapshot: NamedDependency[AsyncSession]
) -> Page[SignInOut]:
    """List one's own sessions and tokens that are still valid."""
    rows = await actors.sign_ins_of(snapshot, signed_in.actor)
    return Page[SignInOut](items=tuple(SignInOut.of(row, signed_in.sign_in_id) for row in rows))


@delete("/sign-ins/{sign_in_id:uuid}", operation_id="revokeSignIn", tags=TAGS)
async def revoke_sign_in(
    sign_in_id: FromPath[UUID], actor: NamedDependency[Actor], session: NamedDependency[AsyncSession]
) -> None:
    """End one of one's own sessions or tokens at once."""
    await actions.revoke(session, actor, sign_in_id)


@post("/tokens", operation_id="createToken", tags=TAGS, opt={TELLS_A_SECRET: True})
async def create_token(
    data: JSONBody[TokenIn], signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]
) -> TokenOut:
    """Make an API token, shown this once. A token cannot make tokens: what leaks must be able to run out."""
    opened = await actions.open_token(session, signed_in, timedelta(days=data.days), data.label, data.scopes)
    row = opened.sign_in
    return TokenOut(
        id=row.id, label=data.label, token=opened.secret, scopes=tuple(map(Scope, row.scopes or ())),
        expires_at=row.expires_at,
    )  # fmt: skip


@get("/me", operation_id="getMe", tags=TAGS)
async def get_me(actor: NamedDependency[Actor], snapshot: NamedDependency[AsyncSession]) -> Response[MeOut]:
    """Show who asks, and for which organisation."""
    user, organisation = await actors.profile(snapshot, actor)
    return Response(MeOut.of(user, organisation), headers={ETAG: etag(user.version)})


@patch("/me", operation_id="changeMe", tags=TAGS)
async def change_me(
    request: Request[None, None, State],
    data: JSONBody[MeIn],
    actor: NamedDependency[Actor],
    session: NamedDependency[AsyncSession],
) -> Response[MeOut]:
    """Choose the language one is addressed in."""
    await actions.choose_locale(session, actor, data.locale, request.headers.get(IF_MATCH))
    user, organisation = await actors.profile(session, actor)
    return Response(MeOut.of(user, organisation), headers={ETAG: etag(user.version)})


HANDLERS = (sign_in, sign_out, list_sign_ins, revoke_sign_in, create_token, get_me, change_me)
