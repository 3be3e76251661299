"""The console: pages made on the server, which work without scripts; handlers call what the API's routes call.

A page is a template of ``templates/``; macros there are the building blocks, words come from the catalogues, and
nothing is computed in a template.
"""

from litestar import Router
from litestar.di import Provide

from api.console import (
    after,
    amendments,
    answers,
    bureau,
    capabilities,
    claims,
    clauses,
    consortia,
    disclosure,
    elsewhere,
    entrance,
    firms,
    home,
    inbox,
    invitations,
    law,
    ledger,
    negotiation,
    notifications,
    people,
    personal,
    projects,
    recovery,
    security,
    verification,
    webhooks,
)
from api.console.errors import answer
from api.console.page import provide_guest, provide_reader
from api.console.words import environment

HANDLERS = (
    Router(
        "/",
        route_handlers=[
            *entrance.HANDLERS,
            *elsewhere.HANDLERS,
            *recovery.HANDLERS,
            *security.HANDLERS,
            *home.HANDLERS,
            *projects.HANDLERS,
            *consortia.HANDLERS,
            *answers.HANDLERS,
            *invitations.HANDLERS,
            *negotiation.HANDLERS,
            *capabilities.HANDLERS,
            *ledger.HANDLERS,
            *clauses.HANDLERS,
            *firms.HANDLERS,
            *disclosure.HANDLERS,
            *bureau.HANDLERS,
            *law.HANDLERS,
            *after.HANDLERS,
            *amendments.HANDLERS,
            *verification.HANDLERS,
            *inbox.HANDLERS,
            *notifications.HANDLERS,
            *webhooks.HANDLERS,
            *personal.HANDLERS,
            *people.HANDLERS,
            *claims.HANDLERS,
        ],
        dependencies={"guest": Provide(provide_guest), "reader": Provide(provide_reader)},
        include_in_schema=False,
    ),
)

__all__ = ["HANDLERS", "answer", "environment"]
