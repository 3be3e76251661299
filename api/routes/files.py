"""Files on a host of their own, by tickets."""

from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.types import ASGIApp

from api import files


@get("/files/{ticket:str}/{name:str}", include_in_schema=False)
async def get_file(request: Request[Any, Any, Any], ticket: FromPath[str], name: FromPath[str]) -> ASGIApp:
    """Give the file behind a ticket, to whoever has it while it lasts. Raises NotFound."""
    return await files.served(request, ticket)


HANDLERS = (get_file,)
