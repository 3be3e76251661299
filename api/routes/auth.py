"""Signing in and out, one's own sessions, API tokens and account."""

from datetime import timedelta
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.auth import ANYBODY, BEFORE_SECOND_FACTOR, FORGOTTEN, caller_of, ended_cookie, enter, idle_of, session_cookie
from api.conditional import ETAG, IF_MATCH, etag
from api.idempotency import OWN_TRANSACTIONS, TELLS_A_SECRET
from api.queries import actors
from api.queries.actors import SignedIn
from api.wire.auth import MeIn, MeOut, SignInIn, SignInOut, TokenIn, TokenOut
from api.wire.base import Page
from domain.actor import Actor
from domain.kinds import Scope

TAGS = ("sign-in",)
OPEN_TO_BARRED = {BEFORE_SECOND_FACTOR: True}


@post("/sign-ins", operation_id="signIn", security=ANYBODY, tags=TAGS, opt={OWN_TRANSACTIONS: True})
async def sign_in(request: Request[None, None, State], state: State, data: JSONBody[SignInIn]) -> Response[SignInOut]:
    """Sign in with e-mail address and password, and a code where asked: the answer sets the session cookie."""
    opened = await enter(state, caller_of(request), data.email, data.password, data.code)
    out = SignInOut.of(opened.sign_in, opened.sign_in.id)
    return Response(out, cookies=[session_cookie(state, opened.secret)])


@delete("/sign-ins/current", operation_id="signOut", tags=TAGS, opt=OPEN_TO_BARRED)
async def sign_out(
    state: State, signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]
) -> Response[None]:
    """Sign out: the session or token that asks ends at once."""
    await actions.revoke(session, signed_in.actor, signed_in.sign_in_id)
    return Response(None, headers=FORGOTTEN, cookies=[ended_cookie(state)])


@get("/sign-ins", operation_id="listSignIns", tags=TAGS, opt=OPEN_TO_BARRED)
async def list_sign_ins(
    state: State, signed_in: NamedDependency[SignedIn], snapshot: NamedDependency[AsyncSession]
) -> Page[SignInOut]:
    """List one's own sessions and tokens that are still valid."""
    rows = await actors.sign_ins_of(snapshot, signed_in.actor, idle_of(state))
    return Page[SignInOut](items=tuple(SignInOut.of(row, signed_in.sign_in_id) for row in rows))


@delete("/sign-ins/{sign_in_id:uuid}", operation_id="revokeSignIn", tags=TAGS, opt=OPEN_TO_BARRED)
async def revoke_sign_in(
    sign_in_id: FromPath[UUID], signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]
) -> None:
    """End one of one's own sessions or tokens at once."""
    await actions.end_one(session, signed_in, sign_in_id)


@delete("/sign-ins", operation_id="revokeOtherSignIns", tags=TAGS, opt=OPEN_TO_BARRED)
async def revoke_others(
    signed_in: NamedDependency[SignedIn],
    session: NamedDependency[AsyncSession],
    tokens: FromQuery[bool] = False,
) -> None:
    """End all of one's sessions but the one that asks, and one's API tokens on wish, at once."""
    actions.require_fresh(signed_in)
    await actions.end_others(session, signed_in, tokens=tokens)


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


@get("/me", operation_id="getMe", tags=TAGS, opt=OPEN_TO_BARRED)
async def get_me(actor: NamedDependency[Actor], snapshot: NamedDependency[AsyncSession]) -> Response[MeOut]:
    """Show who asks, and for which organisation."""
    user, organisation = await actors.profile(snapshot, actor)
    return Response(MeOut.of(user, organisation), headers={ETAG: etag(user.version)})


@patch("/me", operation_id="changeMe", tags=TAGS, opt=OPEN_TO_BARRED)
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


HANDLERS = (sign_in, sign_out, list_sign_ins, revoke_sign_in, revoke_others, create_token, get_me, change_me)
