"""The agreement as a file for its parties, and the verification of a hash for everybody."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256 as sha256_of
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import BodyKwarg, FromPath, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import ANYBODY
from api.files import FILE
from api.papers.editable import as_docx
from api.papers.frozen import as_pdf
from api.papers.wording import Language, Sheet, joined, worded
from api.queries import consortia as queries
from api.queries import organisations, visible
from api.queries.verification import verdict
from api.spreadsheets import attachment
from api.wire.verification import VerificationOut
from coalitions.clauses import compose
from coalitions.validity import Validity, validity
from domain.actor import Actor
from domain.errors import NotFound

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BEGINS = {PDF: "%PDF-1.7", DOCX: "PK\u0003\u0004"}
SEALED = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
}
"""A contract is kept by no cache, and a browser that shows it runs nothing in it."""

Edition = Annotated[
    int | None, QueryParameter(ge=1, description="An edition that an amendment proposes or has replaced")
]
Wanted = Annotated[Language, QueryParameter(description="Chinese, English, or both side by side")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An agreement in words, what its edition is worth, and when it was frozen."""

    sheet: Sheet
    standing: Validity
    frozen_at: datetime
    language: Language


async def copy(
    session: AsyncSession, actor: Actor, consortium: UUID, language: Language, site: str, edition: int | None
) -> Copy:
    """Return the agreement of a consortium that holds, or another edition, in words.

    Raises NotFound to whoever is no party of it.
    """
    row = await visible.consortium(session, actor, consortium)
    found = await queries.agreement_for(session, actor, row.id, edition)
    if found is None or found[0].created_at is None:
        raise NotFound(noun="agreement")
    agreement = found[0]
    firms = await organisations.named(session, actor, [row.organisation_id])
    sheet = worded(
        compose(agreement.body),
        language,
        sha256=agreement.sha256,
        address=f"{site}/verify/{agreement.sha256}",
        demonstration=any(firm.demonstration for firm in firms.values()),
    )
    known = await verdict(session, agreement.sha256)
    standing = known.validity if known is not None else validity(row.state, newest=True)
    return Copy(sheet=sheet, standing=standing, frozen_at=found[0].created_at, language=language)


def file(copy: Copy, content: bytes, kind: str, media_type: str) -> Response[bytes]:
    """Answer with a file: its own hash (RFC 9530), and a name in ASCII beside the one in Chinese (RFC 6266)."""
    digest = sha256_of(content)
    short = copy.sheet.sha256[:8]
    name = f"{joined(copy.sheet.title[:1])[:80]} {short}.{kind}"
    plain = f"agreement-{short}-{copy.language}.{kind}"
    headers = {
        **SEALED,
        "Content-Disposition": attachment(name, plain),
        "ETag": f'"{digest.hexdigest()}"',
        "Repr-Digest": f"sha-256=:{b64encode(digest.digest()).decode()}:",
    }
    return Response(content, media_type=media_type, headers=headers)


def told(media_type: str, description: str) -> dict[int, ResponseSpec]:
    """Describe a file in the contract; its example shows how such a file begins."""
    content: Any = Annotated[bytes, BodyKwarg(schema_extra={"format": "binary", "examples": [BEGINS[media_type]]})]
    return {200: ResponseSpec(content, description=description, media_type=media_type)}


@get("/consortia/{identity:uuid}/agreement.pdf", operation_id="getAgreementPdf", opt={FILE: True},
     tags=["agreements"],
     responses=told(PDF, "The agreement as PDF/A: the same agreement, the same bytes"))  # fmt: skip
async def agreement_pdf(
    state: State,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    lang: Wanted = "zh",
    edition: Edition = None,
) -> Response[bytes]:
    """Get the newest edition of the agreement, frozen: its bytes do not change while the edition stands."""
    found = await copy(snapshot, actor, identity, lang, state.settings.site, edition)
    content = await asyncio.to_thread(as_pdf, found.sheet, found.frozen_at)
    return file(found, content, "pdf", PDF)


@get("/consortia/{identity:uuid}/agreement.docx", operation_id="getAgreementDocx", opt={FILE: True},
     tags=["agreements"],
     responses=told(DOCX, "The agreement as DOCX, marked with what it is worth"))  # fmt: skip
async def agreement_docx(
    state: State,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    lang: Wanted = "zh",
    edition: Edition = None,
) -> Response[bytes]:
    """Get the newest edition of the agreement to negotiate, marked at its head with what it is worth."""
    found = await copy(snapshot, actor, identity, lang, state.settings.site, edition)
    content = await asyncio.to_thread(as_docx, found.sheet, found.standing, found.frozen_at)
    return file(found, content, "docx", DOCX)


@get("/verifications/{sha256:str}", operation_id="verifyAgreement", security=ANYBODY, tags=["agreements"])
async def verify(snapshot: NamedDependency[AsyncSession], sha256: FromPath[str]) -> VerificationOut:
    """Learn whether the agreement with this hash is in force, and since when; nobody need sign in to ask."""
    return VerificationOut.from_verdict(sha256, await verdict(snapshot, sha256))


HANDLERS = (agreement_pdf, agreement_docx, verify)
