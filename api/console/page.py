"""A reader, a page for him, and the way back after a change.

Forms need no token of their own: `api.auth.OwnSiteOnly` lets a browser change something only from our own pages, which
the browser itself states. A change is answered by a redirect (post, redirect, get); what is to be told stands on the
next page, by a code in a short-lived cookie that only ever names a sentence of ours.
"""

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from litestar import Request
from litestar.datastructures import Cookie
from litestar.response import Redirect, Template

from api.auth import identify, lacks_second_factor, require_unbarred
from api.db import transaction
from api.i18n import Locale, catalogue, locale_of
from api.queries import actors, events, obligations
from api.queries.actors import SignedIn
from api.queries.visible import officer, watches
from api.tenancy import acting
from domain.actor import Actor
from domain.errors import NotSignedIn
from domain.kinds import Role, Standing
from domain.powers import Power

TOLD = "lz_told"
TOLD_SECONDS = 30

CHANGING = ("publish", "declare", "form", "sign", "verify", "people", "connect")
"""Powers by which something of one's organisation is changed, or a city's."""

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who looks at a page: his language, where he is, what he is to be told, and for whom he acts.

    ``open`` counts what waits for him; behind ``position`` he misses nothing of what happens from now on. One who signs
    and has come in by a password alone is ``half_proven``: he signs only after a second factor.
    """

    locale: Locale
    path: str
    query: str = ""
    told: str | None = None
    signed_in: SignedIn | None = None
    name: str = ""
    firm: str = ""
    demonstration: bool = False
    half_proven: bool = False
    open: int = 0
    position: str = ""

    @property
    def proven(self) -> SignedIn:
        """The session or token by which the reader has signed in. Raises NotSignedIn."""
        if self.signed_in is None:
            raise NotSignedIn()
        return self.signed_in

    @property
    def actor(self) -> Actor:
        """Who acts. Raises NotSignedIn."""
        return self.proven.actor

    @property
    def known(self) -> bool:
        """Whether somebody has signed in."""
        return self.signed_in is not None

    @property
    def verified(self) -> bool:
        """Whether the reader's organisation is who it says it is."""
        return self.signed_in is not None and self.signed_in.standing is Standing.VERIFIED

    def may(self, power: str) -> bool:
        """Tell whether the reader himself may do this, whatever his organisation may."""
        return self.known and self.actor.may(Power(power))

    @property
    def signs(self) -> bool:
        """Whether the reader may sign, and has proven himself as a signature asks for."""
        return self.may("sign") and not self.half_proven

    @property
    def leads(self) -> bool:
        """Whether the reader acts for a chain leader."""
        return self.known and self.actor.has(Role.CHAIN_LEADER)

    @property
    def supplies(self) -> bool:
        """Whether the reader acts for a firm that declares capabilities."""
        return self.known and bool(self.actor.roles & {Role.SUPPLIER, Role.SERVICE_PROVIDER, Role.CHAIN_LEADER})

    @property
    def declares(self) -> bool:
        """Whether the reader himself may change what his firm declares."""
        return self.supplies and self.may("declare")

    @property
    def looks_only(self) -> bool:
        """Whether the reader sees what is his organisation's and changes nothing of it."""
        return self.verified and self.may("read") and not any(map(self.may, CHANGING))

    @property
    def watches(self) -> bool:
        """Whether the reader oversees the city's activity."""
        return self.known and watches(self.actor)

    @property
    def officer(self) -> bool:
        """Whether the reader decides for the bureau: on projects in review, on claims, on cases."""
        return self.known and officer(self.actor) and self.may("verify")

    def here(self, path: str) -> bool:
        """Tell whether the page belongs to the part of the site at `path`."""
        return self.path == path or self.path.startswith(path + "/")


def stranger(request: AnyRequest) -> Reader:
    """Return the reader of `request` without asking the database who he is beyond what is known already."""
    told = request.cookies.get(TOLD)
    return Reader(
        locale=locale_of(request),
        path=request.scope["path"],
        query=request.url.query,
        told=told if told in catalogue("en")["told"] else None,
        signed_in=cast("SignedIn | None", request.scope.get("auth")),
    )


async def provide_guest(request: AnyRequest) -> Reader:
    """Whoever looks, signed in or not."""
    await identify(request)
    return stranger(request)


async def provide_reader(request: AnyRequest) -> Reader:
    """Who looks, by name. Raises NotSignedIn, and what `api.auth.require_unbarred` raises."""
    guest = await provide_guest(request)
    if guest.signed_in is not None:
        require_unbarred(request, guest.signed_in)
    async with transaction(request.app.state.sessions, acting(guest.actor)) as session:
        user, organisation = await actors.profile(session, guest.actor)
        reading = request.method == "GET"
        waiting = len(await obligations.listed(session, guest.actor)) if reading and guest.may("read") else 0
        position = await events.now(session) if guest.may("read") else ""
    return Reader(
        locale=guest.locale,
        path=guest.path,
        query=guest.query,
        told=guest.told,
        signed_in=guest.signed_in,
        name=user.name,
        firm=organisation.name,
        demonstration=organisation.demonstration,
        half_proven=lacks_second_factor(request.app.state.settings, guest.proven),
        open=waiting,
        position=position,
    )


def page(reader: Reader, template: str, *, status: int = 200, **context: Any) -> Template:
    """Return a page for `reader`; what he was to be told is told once."""
    spent = [Cookie(key=TOLD, value="", max_age=0, httponly=True, samesite="lax")] if reader.told else []
    return Template(
        f"{template}.html",
        context={"reader": reader, "locale": reader.locale, **context},
        status_code=status,
        cookies=spent,
        headers={"Content-Language": reader.locale, "Vary": "Cookie, Accept-Language, HX-Request"},
    )


def back(path: str, told: str | None = None, *cookies: Cookie) -> Redirect:
    """Send a browser to `path` after a change, to be told `told` there."""
    said = [Cookie(key=TOLD, value=told, max_age=TOLD_SECONDS, httponly=True, samesite="lax")] if told else []
    return Redirect(path, status_code=303, cookies=[*said, *cookies])


def local(path: str | None) -> str:
    """Return `path` when it stays on this site, else the home page.

    >>> local("/firms?text=a"), local("//elsewhere.example/"), local("https://elsewhere.example/"), local(None)
    ('/firms?text=a', '/', '/', '/')
    """
    inside = path is not None and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if inside and path is not None and path.isprintable() else "/"


def sign_in_first(reader: Reader) -> Redirect:
    """Send a browser to the sign-in page, from where it comes back."""
    wanted = reader.path + (f"?{reader.query}" if reader.query else "")
    return back(f"/login?next={quote(wanted)}")
