"""The composition root: settings and a database's address in, an application out."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from api.db import make_engine, make_sessions
from api.docs import openapi_config
from api.files import FilesApart
from api.idempotency import OneTransaction, provide_session
from api.limits import Counted
from api.live import Bell
from api.oidc import Providers
from api.powers import PowersFirst
from api.problems import stamp
from api.routes import (
    activity,
    after,
    amendments,
    answers,
    clauses,
    compliance,
    consortia,
    disclosure,
    endpoints,
    envelopes,
    files,
    firms,
    imports,
    indicators,
    ledger,
    negotiation,
    opportunities,
    papers,
    people,
    personal,
    problems,
    security,
    statistics,
    told,
)
from api.routes import auth as sign_ins
from api.settings import Settings
from api.tenancy import Office

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
    *statistics.HANDLERS,
    *disclosure.HANDLERS,
    *imports.HANDLERS,
    *sign_ins.HANDLERS,
    *security.HANDLERS,
    *told.HANDLERS,
    *endpoints.HANDLERS,
    *personal.HANDLERS,
    *people.HANDLERS,
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
        engine = make_engine(url, office=Office.APP)
        bell = Bell(url)
        app.state.update(engine=engine, sessions=make_sessions(engine), bell=bell, streams=Counter(), closing=False)
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
            *files.HANDLERS,
            *CONSOLE,
            health,
            ready,
            create_static_files_router("/static", [STATIC], cache_control=None, include_in_schema=False),
        ],
        dependencies={
            "session": Provide(provide_session),
            "snapshot": Provide(auth.provide_snapshot),
            "actor": Provide(auth.provide_actor),
            "signed_in": Provide(auth.provide_signed_in),
            "visitor": Provide(auth.provide_optional_actor),
        },
        middleware=[Counted(), PowersFirst(), OneTransaction(), auth.OwnSiteOnly(), FilesApart()],
        exception_handlers={Exception: answer, HTTPException: answer},
        before_send=[auth.harden, stamp],
        logging_config=None,
        lifespan=[running],
        state=State({"settings": settings, "providers": Providers(settings)}),
        openapi_config=openapi_config(ROOT),
        template_config=TemplateConfig(instance=JinjaTemplateEngine(engine_instance=environment())),
        request_max_body_size=LARGEST_BODY,
    )
