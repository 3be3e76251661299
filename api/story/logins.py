"""Who can sign in to the story: passwords are made on this machine and kept in a file that only its owner reads."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions.auth import hashed, prove
from api.db import transaction
from api.queries import actors
from api.story.city import DOMAIN
from domain.errors import WrongPassword
from domain.kinds import Duty, Role
from domain.records import Organisation, User

FILE = "demo-logins.txt"
ACCOUNTS = (
    (Role.CHAIN_LEADER, "leader"),
    (Role.CHAIN_LEADER, "rail"),
    (Role.CHAIN_LEADER, "water"),
    (Role.SUPPLIER, "supplier"),
    (Role.SERVICE_PROVIDER, "service"),
    (Role.BUREAU, "bureau"),
    (Role.OPERATOR, "operator"),
)
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that are taken for one another: the supplier types his on a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An account and its password, which stands in clear in this machine's file and nowhere else."""

    role: Role
    email: str
    password: str
    organisation: str
    duties: tuple[Duty, ...] = ()


async def open_accounts(sessions: async_sessionmaker[AsyncSession], home: Path) -> tuple[Login, ...]:
    """Return the story's logins; an account whose kept password no longer opens it gets a new one.

    The file under `home` is written before the commit: a crash in between leaves a password that opens nothing, which
    the next call notices.
    """
    kept = _read(home / FILE)
    async with transaction(sessions) as session:
        found = [await _opened(session, role, f"{address}@{DOMAIN}", kept) for role, address in ACCOUNTS]
        logins = tuple(login for login in found if login is not None)
        _write(home / FILE, logins)
    return logins


async def _opened(session: AsyncSession, role: Role, email: str, kept: Mapping[str, str]) -> Login | None:
    user = await actors.account(session, email)
    if user is None:
        return None
    password = kept.get(email, "")
    if not await _opens(user, password):
        password = new_password()
        user.password_hash = await hashed(password)
    organisation = await session.get_one(Organisation, user.organisation_id)
    return Login(role=role, email=email, password=password, organisation=organisation.name,
                 duties=tuple(map(Duty, user.duties)))  # fmt: skip


async def _opens(user: User, password: str) -> bool:
    if not password:
        return False
    try:
        await prove(user, password)
    except WrongPassword:
        return False
    return True


def new_password() -> str:
    """Return a password of 79 random bits in four groups."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {parts[1]: parts[2] for parts in lines if len(parts) == 3}


def _write(file: Path, logins: tuple[Login, ...]) -> None:
    """Write the file anew, readable by its owner only from its first byte on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.writelines(f"{login.role}\t{login.email}\t{login.password}\n" for login in logins)
    unfinished.replace(file)
