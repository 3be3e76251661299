"""The head of the audit chain, signed: a small file that whoever keeps it elsewhere can hold against the database.

A chain alone notices neither a cut tail nor one computed anew; a head kept elsewhere does. The signature (Ed25519,
RFC 8032) proves that a kept head is ours, so that nobody is accused by a head he did not give. The private key is a
file of its own that only its owner may read; it is made when it is first wanted. Beside it stands the list of public
keys that were ever used, so that heads signed before a rotation still count.
"""

import os
from binascii import unhexlify
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from litestar.serialization import decode_json

from domain.audit import Head

FORMAT = "lianzhou-head/1"
MEMBERS = frozenset({"format", "seq", "hash", "signed_at", "key", "signature"})
LATEST = "latest.json"


class BadHead(ValueError):
    """A file is no signed head, or its signature is not that of the key it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head as it was at a moment, with the public key and the signature of who vouches for it."""

    head: Head
    signed_at: datetime
    key: bytes
    signature: bytes

    def data(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return _said(self.head, self.signed_at, self.key) | {"signature": self.signature.hex()}

    def written(self) -> bytes:
        """Return it as a file has it: canonical JSON (RFC 8785), with a line's end."""
        return rfc8785.dumps(self.data()) + b"\n"

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read what `written` returned and check its signature. Raises BadHead."""
        try:
            told = decode_json(content)
            if set(told) != MEMBERS or told["format"] != FORMAT:
                raise BadHead(FORMAT)
            found = cls(
                head=Head.parse(f"{told['seq']}:{told['hash']}"),
                signed_at=datetime.fromisoformat(told["signed_at"]),
                key=unhexlify(told["key"]),
                signature=unhexlify(told["signature"]),
            )
            signed = rfc8785.dumps(_said(found.head, found.signed_at, found.key))
            Ed25519PublicKey.from_public_bytes(found.key).verify(found.signature, signed)
        except (BadHead, InvalidSignature):
            raise BadHead("signature") from None
        except Exception as error:  # whatever is wrong with bytes from outside, they are no head
            raise BadHead(FORMAT) from error
        return found


def _said(head: Head, at: datetime, key: bytes) -> dict[str, Any]:
    moment = at.astimezone(UTC).isoformat(timespec="seconds")
    return {"format": FORMAT, "seq": head.seq, "hash": head.hash.hex(), "signed_at": moment, "key": key.hex()}


def signed(head: Head, at: datetime, key: Ed25519PrivateKey) -> SignedHead:
    """Vouch for `head` as it was at a moment."""
    moment = at.replace(microsecond=0)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(rfc8785.dumps(_said(head, moment, public)))
    return SignedHead(head=head, signed_at=moment, key=public, signature=signature)


def known_keys(place: Path) -> frozenset[bytes]:
    """Return the public keys that were ever used beside the private key at `place`, newest and retired."""
    with suppress(FileNotFoundError):
        return frozenset(map(unhexlify, _list_of(place).read_text(encoding="ascii").split()))
    return frozenset()


def signing_key(place: Path) -> Ed25519PrivateKey:
    """Return the private key at `place`; where there is none, make one that nobody else may read.

    Processes that do so at the same moment end up with one key.
    """
    with suppress(FileNotFoundError):
        return _read(place)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = _written_beside(place)
    with suppress(FileExistsError):
        os.link(fresh, place)
    fresh.unlink()
    key = _read(place)
    _remember(place, key)
    return key


def rotate(place: Path) -> Ed25519PrivateKey:
    """Put a new private key in the place of the old one, which is gone; heads it signed still count."""
    signing_key(place)
    os.replace(_written_beside(place), place)
    key = _read(place)
    _remember(place, key)
    return key


def keep(folder: Path, head: SignedHead) -> Path:
    """Write a signed head into `folder`, under its place in the chain and as the latest; return the former."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"head-{head.head.seq:012d}.json"
    for target in (folder / LATEST, *(() if place.exists() else (place,))):
        handle, name = mkstemp(dir=folder, prefix=".head-")
        with os.fdopen(handle, "wb") as file:
            file.write(head.written())
        os.chmod(name, 0o644)
        os.replace(name, target)
    return place


def _list_of(place: Path) -> Path:
    return place.with_name(place.name + ".pub")


def _read(place: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(place.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadHead("key")
    return key


def _written_beside(place: Path) -> Path:
    """Write a new key to a file of its own, readable by its owner alone, as `mkstemp` makes them."""
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, name = mkstemp(dir=place.parent, prefix=".key-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return Path(name)


def _remember(place: Path, key: Ed25519PrivateKey) -> None:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if public not in known_keys(place):
        with _list_of(place).open("a", encoding="ascii") as file:
            file.write(public.hex() + "\n")
