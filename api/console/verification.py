"""The page behind the code on paper: whether an agreement is in force, for anybody, and nothing of what it says."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from api.console.page import Reader, page
from api.queries.verification import verdict
from api.wire.verification import VerificationOut


@get("/verify/{sha256:str}")
async def verification_page(
    guest: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], sha256: FromPath[str]
) -> Response[Any]:
    """Tell what the agreement with this hash is worth."""
    found = VerificationOut.from_verdict(sha256, await verdict(snapshot, sha256))
    answer = page(guest, "verification", status=404 if found.state == "unknown" else 200, found=found)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


HANDLERS = (verification_page,)
