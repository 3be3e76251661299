"""Refusals for people: a browser that asks for a page gets one; everything else gets a problem document."""

from typing import Any

from litestar import Response

from api import problems
from api.actions.auth import PasswordAged, ProveAgain, SecondFactorNeeded
from api.actions.identities import ProviderRefused, UnknownThere
from api.console.page import AnyRequest, back, local, page, sign_in_first, stranger
from api.problems import request_id
from domain.errors import NotSignedIn, WrongPassword

TO_BE_SET_RIGHT = (
    (ProveAgain, "/security/proof", None),
    (SecondFactorNeeded, "/security", "second-factor-first"),
    (PasswordAged, "/security", "password-first"),
)
"""Refusals that a person can set right at once, and the page where he does."""


def answer(request: AnyRequest, exception: Exception) -> Response[Any]:
    """Answer any exception, as a page where a browser asked for one. It is the application's exception handler."""
    if not wants_page(request):
        return problems.answer(request, exception)
    reader = stranger(request)
    refusal = problems.refusal_of(exception)
    if isinstance(refusal, NotSignedIn) and not isinstance(refusal, WrongPassword | UnknownThere | ProviderRefused):
        return sign_in_first(reader)
    for kind, path, told in TO_BE_SET_RIGHT:
        if isinstance(refusal, kind):
            return back(path, told)
    worded = problems.problem(request, exception)
    template = "fragments/refusal" if request.headers.get("hx-request") == "true" else "error"
    shown = page(
        reader, template, status=worded.status, problem=worded, identity=request_id(request.scope), back=_from(request)
    )
    shown.headers.update(worded.headers)
    return shown


def wants_page(request: AnyRequest) -> bool:
    """Tell whether a browser asks for a page: not below /api, and HTML is what it would take."""
    inside = request.scope["path"].startswith("/api/")
    return not inside and "text/html" in request.headers.get("accept", "")


def _from(request: AnyRequest) -> str:
    """Return the page of ours that the browser came from."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    referer = request.headers.get("referer", "")
    path = local(referer.removeprefix(origin)) if referer.startswith(origin + "/") else "/"
    return "/" if path == request.scope["path"] and request.method == "GET" else path
