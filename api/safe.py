"""What is sealed at rest: AES-256-GCM under keys of a ring, one file that only its owner may read.

`seal` and `open_sealed` are the one interface; a purpose (a table and its column, or a use) is bound to what is sealed,
so that nothing sealed for one can be passed off for another. A sealed form is

    profile (1 byte) · id of the key (4) · nonce (12) · ciphertext with its tag (16)

A ring holds keys by id; the newest seals, all open. Each key names its profile: ``aes-256-gcm``, or ``sm4-gcm`` where
GM/T algorithms are asked for (GB/T 39786). A first byte of 0 marks a value that still waits to be sealed.
Nonces are drawn at random, so one key seals at most 2³² values (NIST SP 800-38D, 8.3): `rotate` long before.
"""

import fcntl
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.settings import Settings
from domain.message import Message, Parameter
from domain.sealed import WAITING, Sealing

FORMAT = "lianzhou-keys/1"
NONCE = 12
TAG = 16
KEY_ID = 4
HEADER = 1 + KEY_ID
RESTS = timedelta(hours=1)
"""For how long a key stays after it was replaced, whatever the tables say: what was sealed may not be written yet."""


class SafeClosed(Exception):
    """Something sealed cannot be opened, or the ring of keys cannot be used; ``message`` says why."""

    def __init__(self, code: str, **params: Parameter) -> None:
        super().__init__(code, params)
        self.message = Message(code=code, params=params)


Crypt = Callable[[bytes, bytes, bytes], bytes]


class _Aes:
    """AES-256-GCM."""

    mark, size = 1, 32

    def __init__(self, secret: bytes) -> None:
        aead = AESGCM(secret)
        self.encrypt: Crypt = aead.encrypt
        self.decrypt: Crypt = aead.decrypt


class _Sm4:
    """SM4-GCM (GB/T 32907), 128 bits."""

    mark, size = 2, 16

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def encrypt(self, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
        work = Cipher(algorithms.SM4(self.secret), modes.GCM(nonce)).encryptor()
        work.authenticate_additional_data(bound)
        return work.update(plain) + work.finalize() + work.tag

    def decrypt(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        work = Cipher(algorithms.SM4(self.secret), modes.GCM(nonce, sealed[-TAG:])).decryptor()
        work.authenticate_additional_data(bound)
        return work.update(sealed[:-TAG]) + work.finalize()


PROFILES: dict[str, type[_Aes] | type[_Sm4]] = {"aes-256-gcm": _Aes, "sm4-gcm": _Sm4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a ring."""

    id: str
    profile: str
    made_at: datetime
    crypt: _Aes | _Sm4

    @property
    def header(self) -> bytes:
        """How everything begins that this key has sealed."""
        return bytes([self.crypt.mark]) + bytes.fromhex(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Keys in the order in which they were made; the newest seals."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        """The key that seals."""
        return self.keys[-1]

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Seal `plain` for a purpose."""
        key, nonce = self.newest, os.urandom(NONCE)
        return key.header + nonce + key.crypt.encrypt(nonce, plain, _bound(key.header, purpose))

    def open_sealed(self, purpose: str, sealed: bytes) -> bytes:
        """Open what was sealed for a purpose. Raises SafeClosed: key unknown, bytes changed, or another purpose."""
        header, nonce = sealed[:HEADER], sealed[HEADER : HEADER + NONCE]
        key = next((key for key in self.keys if key.header == header), None)
        if key is None:
            raise SafeClosed("safe-no-key", key=header[1:].hex())
        try:
            return key.crypt.decrypt(nonce, sealed[HEADER + NONCE :], _bound(header, purpose))
        except (InvalidTag, ValueError):
            raise SafeClosed("safe-changed", purpose=purpose) from None


def _bound(header: bytes, purpose: str) -> bytes:
    return b"lianzhou\0" + header + purpose.encode()


class Safe:
    """The ring in one file, read again when the file has changed; so a rotation reaches processes that run."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._seen: tuple[int, int, int] | None = None
        self._ring: Ring | None = None

    @property
    def ring(self) -> Ring:
        """The keys as the file has them now; where there is no file, one with a first key is made."""
        try:
            stand = self.place.stat()
        except FileNotFoundError:
            _first(self.place)
            stand = self.place.stat()
        seen = (stand.st_mtime_ns, stand.st_ino, stand.st_size)
        if self._ring is None or seen != self._seen:
            self._ring, self._seen = _read(self.place), seen
        return self._ring


_open: list[Safe] = []


def use(place: Path) -> Safe:
    """Let this process seal with the ring at `place` from now on."""
    _open[:] = [Safe(place)]
    return _open[0]


def safe() -> Safe:
    """Return the safe of this process: the one it was told to `use`, else that of the environment."""
    return _open[0] if _open else use(Settings.from_env(os.environ).safe_keys_place)


def seal(purpose: str, plain: bytes) -> bytes:
    """Seal `plain` under the newest key, bound to `purpose`."""
    return safe().ring.seal(purpose, plain)


def open_sealed(purpose: str, sealed: bytes) -> bytes:
    """Open what `seal` returned for the same purpose, or give what still waits to be sealed. Raises SafeClosed."""
    if sealed[:1] == WAITING:
        return sealed[1:]
    return safe().ring.open_sealed(purpose, sealed)


def install() -> None:
    """Let the tables' sealed columns be sealed here."""
    Sealing.by = Sealing(seal=seal, open_sealed=open_sealed)


# ------------------------------------------------------------------ the life of keys


def rotate(place: Path, profile: str = "aes-256-gcm") -> Key:
    """Add a new key, which seals from now on; what former keys sealed can still be opened."""
    if profile not in PROFILES:
        raise SafeClosed("safe-no-profile", profile=profile, known=", ".join(PROFILES))
    with _alone(place):
        _first(place)
        _write(place, [*_stored(place), _made(profile)])
        return _read(place).newest


def may_retire(place: Path, identity: str, now: datetime, rests: timedelta = RESTS) -> None:
    """Say whether a key may go as far as the ring knows. Raises SafeClosed for the newest, an unknown, a recent one."""
    keys = _read(place).keys
    found = next((number for number, key in enumerate(keys) if key.id == identity), None)
    if found is None:
        raise SafeClosed("safe-no-key", key=identity)
    if found == len(keys) - 1:
        raise SafeClosed("safe-newest", key=identity)
    if keys[found + 1].made_at > now - rests:
        raise SafeClosed("safe-recent", key=identity, minutes=round(rests.total_seconds() / 60))


def retire(place: Path, identity: str) -> None:
    """Take a key out of the ring for good; whoever calls has seen that nothing is sealed by it any more."""
    with _alone(place):
        _write(place, [key for key in _stored(place) if key["id"] != identity])


def _first(place: Path) -> Ring:
    """Return the ring at `place`; where there is none, make one. Processes that do so at once end up with one."""
    with suppress(FileNotFoundError):
        return _read(place)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = _beside(place, [_made("aes-256-gcm")])
    with suppress(FileExistsError):
        os.link(fresh, place)
    fresh.unlink()
    return _read(place)


def _read(place: Path) -> Ring:
    keys = tuple(
        Key(
            id=told["id"],
            profile=told["profile"],
            made_at=datetime.fromisoformat(told["made_at"]),
            crypt=PROFILES[told["profile"]](b64decode(told["secret"], validate=True)),
        )
        for told in _stored(place)
    )
    return Ring(keys=keys)


def _stored(place: Path) -> list[dict[str, Any]]:
    try:
        told = json.loads(place.read_bytes())
        if told["format"] != FORMAT or not told["keys"]:
            raise SafeClosed("safe-no-ring", place=str(place))
        return list(told["keys"])
    except FileNotFoundError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SafeClosed("safe-no-ring", place=str(place)) from error


def _made(profile: str) -> dict[str, str]:
    return {
        "id": secrets.token_hex(KEY_ID),
        "profile": profile,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "secret": b64encode(secrets.token_bytes(PROFILES[profile].size)).decode(),
    }


def _write(place: Path, keys: list[dict[str, Any]]) -> None:
    os.replace(_beside(place, keys), place)


def _beside(place: Path, keys: list[dict[str, Any]]) -> Path:
    """Write a ring to a file of its own, readable by its owner alone, as `mkstemp` makes them."""
    handle, name = mkstemp(dir=place.parent, prefix=".keys-")
    with os.fdopen(handle, "wb") as file:
        file.write(json.dumps({"format": FORMAT, "keys": keys}).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process at a time change the ring."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with place.with_name(place.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
