"""The composition root: settings and a database's address in, an application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api import auth
from api.console import HANDLERS as CONSOLE
from api.console import answer, environment
from api.db import make_engine, make_sessions, provide_snapshot
from api.docs import openapi_config
from api.idempotency import OneTransaction, provide_session
from api.limits import Counted
from api.live import Bell
from api.problems import stamp
from api.routes import (
    activity,
    after,
    amendments,
    answers,
    clauses,
    compliance,
    consortia,
    endpoints,
    envelopes,
    firms,
    imports,
    indicators,
    ledger,
    negotiation,
    opportunities,
    papers,
    problems,
    told,
)
from api.routes import auth as sign_ins
from api.settings import Settings

ROOT = "/api/v1"
STATIC = Path(__file__).parent / "static"
LARGEST_BODY = 2 * 1024 * 1024
ROUTES = (
    *opportunities.HANDLERS,
    *firms.HANDLERS,
    *consortia.HANDLERS,
    *negotiation.HANDLERS,
    *answers.HANDLERS,
    *papers.HANDLERS,
    *ledger.HANDLERS,
    *clauses.HANDLERS,
    *envelopes.HANDLERS,
    *compliance.HANDLERS,
    *after.HANDLERS,
    *amendments.HANDLERS,
    *activity.HANDLERS,
    *indicators.HANDLERS,
    *imports.HANDLERS,
    *sign_ins.HANDLERS,
    *told.HANDLERS,
    *endpoints.HANDLERS,
)


@get("/health", operation_id="health", tags=["operation"], include_in_schema=False, sync_to_thread=False)
def health() -> dict[str, str]:
    """Tell that the process lives; the database is not asked."""
    return {"status": "ok"}


@get("/ready", operation_id="ready", tags=["operation"], include_in_schema=False)
async def ready(snapshot: NamedDependency[AsyncSession]) -> dict[str, str]:
    """Tell that requests can be served: the database answers."""
    await snapshot.execute(text("select 1"))
    return {"status": "ready"}


def create_app(settings: Settings, url: str) -> Litestar:
    """Return the application on the database at `url`, which must have been migrated."""

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        engine = make_engine(url)
        bell = Bell(url)
        app.state.update(engine=engine, sessions=make_sessions(engine), bell=bell, closing=False)
        await bell.start()
        try:
            yield
        finally:
            app.state.closing = True
            await bell.stop()
            await engine.dispose()

    return Litestar(
        route_handlers=[
            Router(ROOT, route_handlers=list(ROUTES)),
            *problems.HANDLERS,
            *told.OPEN,
            *CONSOLE,
            health,
            ready,
            create_static_files_router("/static", [STATIC], cache_control=None, include_in_schema=False),
        ],
        dependencies={
            "session": Provide(provide_session),
            "snapshot": Provide(provide_snapshot),
            "actor": Provide(auth.provide_actor),
            "signed_in": Provide(auth.provide_signed_in),
            "visitor": Provide(auth.provide_optional_actor),
        },
        middleware=[Counted(), OneTransaction(), auth.OwnSiteOnly()],
        exception_handlers={Exception: answer, HTTPException: answer},
        before_send=[auth.harden, stamp],
        logging_config=None,
        lifespan=[running],
        state=State({"settings": settings, "session_length": timedelta(hours=settings.session_hours)}),
        openapi_config=openapi_config(ROOT),
        template_config=TemplateConfig(instance=JinjaTemplateEngine(engine_instance=environment())),
        request_max_body_size=LARGEST_BODY,
    )
