"""People of the reader's organisation, the page behind a one-time link, and his own API tokens."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth
from api.actions import people as actions
from api.auth import idle_of
from api.conditional import etag
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.idempotency import TELLS_A_SECRET
from api.queries import actors, people
from api.wire.auth import SignInOut, TokenIn
from api.wire.people import DutiesIn, EntryIn, EntryLinkIn, EntryLinkOut, EntryLinkSecretOut, PersonOut
from domain.errors import AlreadyExists, Fault, Invalid
from domain.kinds import Scope
from domain.powers import open_to

HOME = "/people"
TOKENS = "/my/tokens"


@get(HOME)
async def list_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show the people of the organisation and the links that are open."""
    return await people_page(reader, snapshot)


async def people_page(
    reader: Reader,
    session: AsyncSession,
    *,
    typed: Form | None = None,
    refused: Invalid | None = None,
    made: EntryLinkSecretOut | None = None,
) -> Response[Any]:
    """Return the page; the link in `made` is shown this once."""
    return page(
        reader,
        "people",
        status=422 if refused else 200,
        people=tuple(map(PersonOut.of, await people.listed(session, reader.actor))),
        links=tuple(map(EntryLinkOut.model_validate, await people.open_links(session, reader.actor))),
        duties=open_to(reader.actor.roles),
        typed=typed or {},
        faults=beside(reader.locale, refused) if refused else {},
        made=made,
    )


@post(HOME + "/links", opt={TELLS_A_SECRET: True})
async def invite(
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Make a one-time link and show it this once, or say beside the field what is wrong."""
    try:
        given = Reading(data).wire(EntryLinkIn, {"email": data.get("email", ""), "duties": chosen(reader, data)})
        secret, row = await actions.invite(session, reader.actor, given)
    except (Invalid, AlreadyExists) as refusal:
        return await people_page(reader, session, typed=data, refused=in_field(refusal, "email"))
    return await people_page(reader, session, made=EntryLinkSecretOut.of(state.settings.site, secret, row))


def in_field(refusal: Invalid | AlreadyExists, name: str) -> Invalid:
    """Return a refusal as one about a field of the form."""
    return refusal if isinstance(refusal, Invalid) else Invalid((Fault(where=f"$.{name}", code="person-is-in"),))


def chosen(reader: Reader, data: Form) -> tuple[str, ...]:
    """Return the duties that are ticked in a form."""
    return tuple(str(duty) for duty in open_to(reader.actor.roles) if data.get(f"duty-{duty}"))


@post(HOME + "/links/{identity:uuid}/renewal", opt={TELLS_A_SECRET: True})
async def renew(
    state: State, reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Make a new link in place of one that was not used, and show it this once."""
    secret, row = await actions.renew(session, reader.actor, identity)
    return await people_page(reader, session, made=EntryLinkSecretOut.of(state.settings.site, secret, row))


@post(HOME + "/links/{identity:uuid}/removal")
async def revoke(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Let a link open nothing any more."""
    await actions.revoke_link(session, reader.actor, identity)
    return back(HOME, "link-revoked")


@post(HOME + "/{identity:uuid}/duties")
async def give_duties(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Say what a person may do from now on."""
    given = Reading(data).wire(DutiesIn, {"duties": chosen(reader, data)})
    version = etag(Reading(data).whole("version") or 0)
    row = await actions.give_duties(session, reader.actor, identity, given.duties, version)
    return back("/login" if row.id == reader.actor.user_id else HOME, "duties-given")


@post(HOME + "/{identity:uuid}/suspension")
async def suspend(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Let a person do nothing until he is reinstated."""
    await actions.suspend(session, reader.actor, identity)
    return back(HOME, "person-suspended")


@post(HOME + "/{identity:uuid}/reinstatement")
async def reinstate(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Let a suspended person act again."""
    await actions.reinstate(session, reader.actor, identity)
    return back(HOME, "person-reinstated")


@post(HOME + "/{identity:uuid}/removal")
async def remove(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """End what a person does for the organisation."""
    await actions.remove(session, reader.actor, identity)
    return back(HOME, "person-removed")


# ------------------------------------------------------------------ behind a link


@get("/join/{secret:str}")
async def entry_page(
    guest: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], secret: FromPath[str]
) -> Response[Any]:
    """Show where the invited person says his name and chooses a password. Raises LinkUnusable."""
    return await joining(guest, snapshot, secret, {})


async def joining(
    guest: Reader, session: AsyncSession, secret: str, typed: Form, refused: Invalid | None = None
) -> Response[Any]:
    """Return the page behind a link that still opens. Raises LinkUnusable."""
    link = await people.link_of(session, auth.digest(secret))
    if link is None:
        raise actions.LinkUnusable(noun="entry_link")
    house = await people.house_of(session, link)
    shown = page(
        guest,
        "join",
        status=422 if refused else 200,
        link=EntryLinkOut.model_validate(link),
        house=house,
        action=f"/join/{secret}",
        typed=typed,
        faults=beside(guest.locale, refused) if refused else {},
    )
    shown.headers["Referrer-Policy"] = "no-referrer"
    return shown


@post("/join/{secret:str}", opt={TELLS_A_SECRET: True})
async def join(
    guest: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    secret: FromPath[str],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Make the account, or say beside the field what is wrong."""
    try:
        given = Reading(data).wire(EntryIn, {"secret": secret, **{n: data.get(n, "") for n in ("name", "password")}})
    except Invalid as refused:
        return await joining(guest, session, secret, {"name": data.get("name", "")}, refused)
    await actions.enter(session, given)
    return back("/login", "entered")


# ------------------------------------------------------------------ tokens


@get(TOKENS)
async def tokens_page(
    state: State, reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Show the reader's own API tokens."""
    return await tokens(state, reader, snapshot)


async def tokens(
    state: State,
    reader: Reader,
    session: AsyncSession,
    *,
    typed: Form | None = None,
    refused: Invalid | None = None,
    made: str = "",
) -> Response[Any]:
    """Return the page; the secret in `made` is shown this once."""
    assert reader.signed_in is not None  # the dependency refuses strangers
    rows = await actors.sign_ins_of(session, reader.actor, idle_of(state))
    return page(
        reader,
        "tokens",
        status=422 if refused else 200,
        tokens=tuple(SignInOut.of(row, reader.signed_in.sign_in_id) for row in rows if not row.browser),
        scopes=tuple(Scope),
        typed=typed or {"days": "90", "scope-read": "on"},
        faults=beside(reader.locale, refused) if refused else {},
        made=made,
    )


@post(TOKENS, opt={TELLS_A_SECRET: True})
async def make_token(
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Make a token and show it this once, or say beside the field what is wrong."""
    assert reader.signed_in is not None  # the dependency refuses strangers
    try:
        given = wanted(data)
    except Invalid as refused:
        return await tokens(state, reader, session, typed=data, refused=refused)
    lasting = timedelta(days=given.days)
    opened = await auth.open_token(session, reader.signed_in, lasting, given.label, given.scopes)
    return await tokens(state, reader, session, made=opened.secret)


def wanted(data: Form) -> TokenIn:
    """Read a token from its form. Raises Invalid."""
    form = Reading(data)
    scopes = tuple(str(scope) for scope in Scope if data.get(f"scope-{scope}"))
    return form.wire(TokenIn, {"label": data.get("label", ""), "days": form.whole("days") or 90, "scopes": scopes})


@post(TOKENS + "/{identity:uuid}/removal")
async def revoke_token(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """End a token at once."""
    await auth.revoke(session, reader.actor, identity)
    return back(TOKENS, "token-revoked")


HANDLERS = (
    list_page, invite, renew, revoke, give_duties, suspend, reinstate, remove, entry_page, join, tokens_page,
    make_token, revoke_token,
)  # fmt: skip
