"""Proving who one is: password, second factor, recovery, accounts elsewhere."""

from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.actions import identities, recovery, second_factor, throttles
from api.auth import (
    ANYBODY,
    BEFORE_SECOND_FACTOR,
    caller_of,
    needs_second_factor,
    prove_again,
    prove_password,
    session_cookie,
)
from api.db import transaction
from api.idempotency import OWN_TRANSACTIONS, TELLS_A_SECRET
from api.queries import credentials
from api.queries.actors import SignedIn
from api.sending.letters import recovery_address
from api.tenancy import Office, doing
from api.wire.base import Page
from api.wire.security import (
    CodeIn,
    CodesOut,
    IdentityOut,
    LinkOut,
    NewPasswordIn,
    OfferedOut,
    PasswordIn,
    ProofIn,
    ProviderOut,
    RecoveryIn,
    SecondFactorOut,
)

TAGS = ("sign-in",)
OPEN_TO_BARRED = {BEFORE_SECOND_FACTOR: True}
ONCE = {BEFORE_SECOND_FACTOR: True, TELLS_A_SECRET: True}
APART = {BEFORE_SECOND_FACTOR: True, OWN_TRANSACTIONS: True}


@post("/sign-ins/current/proofs", operation_id="proveAgain", tags=TAGS, opt=APART, status_code=204)
async def prove(state: State, data: JSONBody[ProofIn], signed_in: NamedDependency[SignedIn]) -> Response[None]:
    """Prove by password or code who one is: for ten minutes one may change how one signs in. The cookie changes."""
    secret = await prove_again(state, signed_in, password=data.password, code=data.code)
    return Response(None, cookies=[session_cookie(state, secret)])


@put("/me/password", operation_id="changePassword", tags=TAGS, opt=APART, status_code=204)
async def change_password(
    state: State, data: JSONBody[PasswordIn], signed_in: NamedDependency[SignedIn]
) -> Response[None]:
    """Change one's password: all other sessions end, API tokens on wish, and the cookie changes."""
    await prove_password(state, signed_in, data.present)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        djb = state.settings.djb_passwords
        secret = await actions.change_password(session, signed_in, data.new, djb=djb, tokens=data.tokens)
    return Response(None, cookies=[session_cookie(state, secret)])


@get("/me/second-factor", operation_id="getSecondFactor", tags=TAGS, opt=OPEN_TO_BARRED)
async def get_second_factor(
    state: State, signed_in: NamedDependency[SignedIn], snapshot: NamedDependency[AsyncSession]
) -> SecondFactorOut:
    """Show how one's second factor stands."""
    required = needs_second_factor(state.settings, signed_in.actor)
    return SecondFactorOut.of(await credentials.standing(snapshot, signed_in.actor), required=required)


@post("/me/second-factor", operation_id="offerSecondFactor", tags=TAGS, opt=ONCE)
async def offer_second_factor(
    signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]
) -> OfferedOut:
    """Make a secret for an app that makes codes (TOTP); it comes in force with its first code."""
    offered = await second_factor.offer(session, signed_in)
    return OfferedOut(secret=offered.secret, uri=offered.uri)


@post("/me/second-factor/confirmation", operation_id="confirmSecondFactor", tags=TAGS, opt=ONCE)
async def confirm_second_factor(
    state: State,
    data: JSONBody[CodeIn],
    signed_in: NamedDependency[SignedIn],
    session: NamedDependency[AsyncSession],
) -> Response[CodesOut]:
    """Put the second factor in force by its first code: ten codes for once are shown, other sessions end."""
    codes = await second_factor.confirm(session, signed_in, data.code)
    secret = await actions.renew(session, signed_in, second_factor=True)
    return Response(CodesOut(codes=codes), cookies=[session_cookie(state, secret)])


@post("/me/second-factor/recovery-codes", operation_id="renewRecoveryCodes", tags=TAGS, opt=ONCE)
async def renew_codes(signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]) -> CodesOut:
    """Make ten new codes for once; the former ones end."""
    return CodesOut(codes=await second_factor.renew_codes(session, signed_in))


@delete("/me/second-factor", operation_id="removeSecondFactor", tags=TAGS, opt=OPEN_TO_BARRED)
async def remove_second_factor(signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]) -> None:
    """Do without a second factor from now on; all other sessions end."""
    await second_factor.remove(session, signed_in)


@get("/me/identities", operation_id="listIdentities", tags=TAGS, opt=OPEN_TO_BARRED)
async def list_identities(
    signed_in: NamedDependency[SignedIn], snapshot: NamedDependency[AsyncSession]
) -> Page[IdentityOut]:
    """List the accounts elsewhere that open one's own."""
    rows = await credentials.identities(snapshot, signed_in.actor)
    return Page[IdentityOut](items=tuple(IdentityOut.of(row) for row in rows))


@delete("/me/identities/{identity:uuid}", operation_id="unlinkIdentity", tags=TAGS, opt=OPEN_TO_BARRED)
async def unlink_identity(
    identity: FromPath[UUID], signed_in: NamedDependency[SignedIn], session: NamedDependency[AsyncSession]
) -> None:
    """Let an account elsewhere open one's own no more."""
    await identities.unlink(session, signed_in, identity)


@get("/identity-providers", operation_id="listIdentityProviders", security=ANYBODY, tags=TAGS, sync_to_thread=False)
def list_providers(state: State) -> Page[ProviderOut]:
    """List the providers one may sign in by, after one has linked an account there."""
    return Page[ProviderOut](items=tuple(ProviderOut.of(provider) for provider in state.providers.all()))


@post(
    "/recoveries",
    operation_id="askForRecovery",
    security=ANYBODY,
    tags=TAGS,
    status_code=202,
    opt={OWN_TRANSACTIONS: True},
)
async def ask_for_recovery(request: Request[None, None, State], state: State, data: JSONBody[RecoveryIn]) -> None:
    """Have a link sent that sets a new password, if the address is somebody's; the answer is the same for all."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.BY_ADDRESS, caller_of(request).address)
        await recovery.ask(session, data.email)


@post(
    "/recoveries/uses",
    operation_id="useRecovery",
    security=ANYBODY,
    tags=TAGS,
    status_code=204,
    opt={OWN_TRANSACTIONS: True},
)
async def use_recovery(request: Request[None, None, State], state: State, data: JSONBody[NewPasswordIn]) -> None:
    """Set a new password by a link, once: all sessions and tokens end, the second factor stays."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.BY_ADDRESS, caller_of(request).address)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await recovery.use(session, data.secret, data.password, djb=state.settings.djb_passwords)


@post("/people/{identity:uuid}/recoveries", operation_id="issueRecovery", tags=TAGS, opt={TELLS_A_SECRET: True})
async def issue_recovery(
    state: State,
    identity: FromPath[UUID],
    signed_in: NamedDependency[SignedIn],
    session: NamedDependency[AsyncSession],
) -> LinkOut:
    """Make a link for a colleague who has forgotten his password, as an administrator of the organisation."""
    secret = await recovery.issue(session, signed_in, identity)
    return LinkOut(url=recovery_address(state.settings, secret))


HANDLERS = (
    prove, change_password, get_second_factor, offer_second_factor, confirm_second_factor, renew_codes,
    remove_second_factor, list_identities, unlink_identity, list_providers, ask_for_recovery, use_recovery,
    issue_recovery,
)  # fmt: skip
