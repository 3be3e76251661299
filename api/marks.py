"""Marks of what was computed: a digest under a key of this installation.

A digest over a problem with one unknown figure is that figure: whoever has the rest tries prices until it agrees. Under
a key (HMAC-SHA-256, RFC 2104) only who has the key can, and an audit that poses the problem again on the server still
sees whether it was the same. The key is a file that its owner alone may read; it is made when it is first wanted.
"""

import hmac
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from tempfile import mkstemp

BYTES = 32


def mark(digest: str, key: bytes) -> str:
    """Return the mark of a digest.

    >>> mark("00", b"one") == mark("00", b"one"), mark("00", b"one") == mark("00", b"other")
    (True, False)
    """
    return hmac.digest(key, digest.encode(), "sha256").hex()


def marking_key(place: Path) -> bytes:
    """Return the key at `place`, made where there is none; processes that make it at once end up with one key."""
    with suppress(FileNotFoundError):
        return place.read_bytes()
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = mkstemp(dir=place.parent, prefix=".key-")
    with os.fdopen(handle, "wb") as file:
        file.write(token_bytes(BYTES))
    with suppress(FileExistsError):
        os.link(name, place)
    Path(name).unlink()
    return place.read_bytes()
