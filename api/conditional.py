"""Versions as entity tags: an answer carries ``ETag``, a change names the version it was made from by ``If-Match``.

RFC 9110, sections 8.8.3 and 13.1.1; RFC 6585, section 3.
"""

import re

from domain.errors import Fault, Invalid, PreconditionRequired, Stale

ETAG = "ETag"
IF_MATCH = "If-Match"
_TAG = re.compile(r'\s*(?:W/)?"([^"]*)"\s*')


class PreconditionFailed(Stale):
    """The change was made from a version that is no longer the current one."""

    code = "precondition-failed"


def etag(version: int) -> str:
    """Return the entity tag of a version.

    >>> etag(3)
    '"3"'
    """
    return f'"{version}"'


def require_match(if_match: str | None, version: int) -> None:
    """Let a change pass only when `if_match` names `version`; ``*`` and a list of tags are understood.

    A weak tag matches no version (RFC 9110, 13.1.1: If-Match compares strongly).

    Raises PreconditionRequired when the header is absent, Invalid when it is no entity tag, PreconditionFailed when
    it names another version.

    >>> require_match('"2", "3"', 3)
    """
    if if_match is None:
        raise PreconditionRequired()
    tags = if_match.split(",")
    if not all(tag.strip() == "*" or _TAG.fullmatch(tag) for tag in tags):
        raise Invalid((Fault(where=IF_MATCH, code="if-match"),))
    if not {"*", etag(version)} & {tag.strip() for tag in tags}:
        raise PreconditionFailed(current=version)
