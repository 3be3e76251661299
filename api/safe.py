"""What is sealed at rest: AES-256-GCM, bound to its purpose, under a key in a file that only its owner may read."""

import os
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.settings import Settings

NONCE = 12
KEY = 32


def seal(purpose: str, plain: bytes) -> bytes:
    """Return `plain` as only `open_sealed` with the same purpose can read it."""
    nonce = token_bytes(NONCE)
    return nonce + AESGCM(_key()).encrypt(nonce, plain, purpose.encode())


def open_sealed(purpose: str, sealed: bytes) -> bytes:
    """Return what was sealed for `purpose`. Raises InvalidTag where anything about it was changed."""
    return AESGCM(_key()).decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())


def _key() -> bytes:
    place = Settings.from_env(os.environ).home / "keys" / "safe.key"
    if not place.exists():
        _make(place)
    return place.read_bytes()


def _make(place: Path) -> None:
    """Make the key; of processes that do so at the same moment one makes it for all."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = place.with_suffix(f".{os.getpid()}")
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(token_bytes(KEY))
    try:
        os.link(own, place)
    except FileExistsError:
        pass
    finally:
        own.unlink()
