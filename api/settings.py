"""What a process is told from outside: read once from the environment, then passed along, never imported as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from domain.message import Message, Parameter

DATA_PLACE = ".lianzhou"


class BadSetting(Exception):
    """A variable of the environment cannot be understood."""

    def __init__(self, code: str, **params: Parameter) -> None:
        super().__init__(code, params)
        self.message = Message(code=code, params=params)


def _told(variable: str, default: Any, promise: str) -> Any:
    """Declare a setting: the variable it comes from, what holds without it, and what it means."""
    return field(default=default, metadata={"variable": variable, "promise": promise})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that differs between machines.

    >>> Settings.from_env({"LIANZHOU_PORT": "8080"}).port
    8080
    """

    database_url: str | None = _told(
        "DATABASE_URL",
        None,
        "The PostgreSQL to use, as postgresql://user:password@host:port/name. Without it an embedded one is started.",
    )
    home: Path = _told("LIANZHOU_HOME", Path(DATA_PLACE), "The folder of the embedded database and of everything kept.")
    postgres_binaries: Path | None = _told(
        "LIANZHOU_POSTGRES_BIN", None, "The folder of initdb and postgres, when not those that came with the install."
    )
    host: str = _told("LIANZHOU_HOST", "127.0.0.1", "The address that console and API listen on.")
    port: int = _told("LIANZHOU_PORT", 8000, "The port that console and API listen on.")
    public_url: str | None = _told(
        "LIANZHOU_PUBLIC_URL",
        None,
        "The address people open, such as https://lianzhou.example, as agreements print it; without it host and port.",
    )
    secure_cookies: bool = _told(
        "LIANZHOU_SECURE_COOKIES", False, "Send cookies over HTTPS only; true behind a server that ends TLS."
    )
    session_hours: int = _told("LIANZHOU_SESSION_HOURS", 12, "How long a sign-in lasts.")
    heartbeat_seconds: float = _told(
        "LIANZHOU_HEARTBEAT_SECONDS", 10.0, "After how many silent seconds a worker is taken for dead."
    )
    worker_slots: int = _told("LIANZHOU_WORKER_SLOTS", 2, "How many jobs one worker runs at a time; 2 or more.")
    mail_url: str | None = _told(
        "LIANZHOU_MAIL_URL",
        None,
        "The mail server that carries e-mail: smtps://user:password@host:465, smtp:// with STARTTLS, or smtp+plain:// "
        "with neither, inside a machine. Without it no e-mail is sent.",
    )
    mail_from: str | None = _told(
        "LIANZHOU_MAIL_FROM", None, "The address e-mail comes from; without it the user of the mail server."
    )
    local_webhooks: bool = _told(
        "LIANZHOU_LOCAL_WEBHOOKS",
        False,
        "Let webhooks reach this machine over plain HTTP: for tests, never in service.",
    )
    trusted_proxies: str | None = _told(
        "LIANZHOU_TRUSTED_PROXIES",
        None,
        "The addresses of servers in front of us, with commas between: what they add to X-Forwarded-For counts. "
        "Without it nobody is believed.",
    )
    log_json: bool = _told("LIANZHOU_LOG_JSON", False, "Write log lines as JSON, for a collector.")

    heads: Path | None = _told(
        "LIANZHOU_HEADS",
        None,
        "The folder for signed heads of the audit chain, to be copied elsewhere; without it heads in LIANZHOU_HOME.",
    )
    head_key: Path | None = _told(
        "LIANZHOU_HEAD_KEY",
        None,
        "The file of the private key that signs heads, made when first wanted; without it in LIANZHOU_HOME.",
    )
    esign_url: str | None = _told(
        "LIANZHOU_ESIGN_URL", None, "The address of a provider of electronic signatures; without it there is none."
    )
    esign_name: str = _told("LIANZHOU_ESIGN_NAME", "esign", "What that provider is called on pages and in records.")
    esign_token_file: Path | None = _told(
        "LIANZHOU_ESIGN_TOKEN_FILE", None, "The file that holds the token by which that provider knows us."
    )
    esign_secret_file: Path | None = _told(
        "LIANZHOU_ESIGN_SECRET_FILE",
        None,
        "The file that holds the secret with which its webhooks are signed (whsec_…).",
    )

    @property
    def heads_place(self) -> Path:
        """Where signed heads are kept."""
        return self.heads or self.home / "heads"

    @property
    def head_key_place(self) -> Path:
        """Where the key that signs them is."""
        return self.head_key or self.home / "keys" / "head.pem"

    @property
    def site(self) -> str:
        """Where people find us, without a slash at the end.

        >>> Settings(public_url="https://lianzhou.example/").site, Settings().site
        ('https://lianzhou.example', 'http://127.0.0.1:8000')
        """
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings that `environ` holds; empty variables count as absent.

        Raises BadSetting naming the variable that cannot be understood.
        """
        told = {}
        for setting in fields(cls):
            variable = setting.metadata["variable"]
            if text := environ.get(variable, "").strip():
                told[setting.name] = _understood(variable, text, setting.type)
        return cls(**told)


def _understood(variable: str, text: str, wanted: Any) -> Any:
    """Return `text` as the type that the setting `wanted`."""
    try:
        if wanted is bool:
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        if wanted in (Path, Path | None):
            return Path(text)
        return wanted(text) if wanted in (int, float) else text
    except (KeyError, ValueError) as error:
        raise BadSetting("bad-setting", variable=variable, value=text) from error


def example() -> str:
    """Return the text of ``.env.example``: every variable with its meaning and what holds without it."""
    parts = ["# The variables LianZhou reads. Export those that differ; each may stay unset.\n"]
    for setting in fields(Settings):
        shown = "" if setting.default is None else _shown(setting.default)
        parts.append(f"# {setting.metadata['promise']}\n#{setting.metadata['variable']}={shown}\n")
    return "\n".join(parts)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
