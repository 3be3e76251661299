"""An application made of the shell's pieces and a few handlers of a test's own, driven without a socket."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.static_files import create_static_files_router
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.auth import (
    OwnSiteOnly,
    harden,
    provide_actor,
    provide_optional_actor,
    provide_signed_in,
    provide_snapshot,
)
from api.db import make_sessions
from api.docs import openapi_config
from api.idempotency import OneTransaction, provide_session
from api.oidc import Providers
from api.problems import answer, stamp
from api.routes import auth, problems, security
from api.settings import Settings
from tests.conftest import PROJECT

ROOT = "/api/v1"
ORIGIN = "http://127.0.0.1:8000"


def little_app(
    engine: AsyncEngine,
    *handlers: Any,
    sessions: async_sessionmaker[AsyncSession] | None = None,
    settings: Settings | None = None,
) -> Litestar:
    """Return the application."""
    told = settings or Settings()
    state = State(
        {
            "engine": engine,
            "sessions": sessions or make_sessions(engine),
            "settings": told,
            "providers": Providers(told),
        }
    )
    routes: Sequence[Any] = (*auth.HANDLERS, *security.HANDLERS, *problems.HANDLERS, *handlers)
    return Litestar(
        [
            Router(ROOT, route_handlers=routes),
            create_static_files_router("/static", [PROJECT / "api" / "static"], include_in_schema=False),
        ],
        dependencies={
            "actor": Provide(provide_actor),
            "visitor": Provide(provide_optional_actor),
            "signed_in": Provide(provide_signed_in),
            "session": Provide(provide_session),
            "snapshot": Provide(provide_snapshot),
        },
        middleware=[OwnSiteOnly(), OneTransaction()],
        exception_handlers={Exception: answer},
        before_send=[harden, stamp],
        openapi_config=openapi_config(ROOT),
        logging_config=None,
        state=state,
    )


@asynccontextmanager
async def client_of(app: Litestar, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of `app`, which is a browser to the extent that it keeps cookies."""
    transport = httpx.ASGITransport(cast("Any", app))  # each library types the same protocol in its own way
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client
