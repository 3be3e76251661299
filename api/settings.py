"""What a process is told from outside: read once from the environment, then passed along, never imported as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, get_args

from domain.message import Message, Parameter

DATA_PLACE = ".lianzhou"
Networks = tuple[IPv4Network | IPv6Network, ...]


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
    files_url: str | None = _told(
        "LIANZHOU_FILES_URL",
        None,
        "The address of a host for files alone, such as https://files.lianzhou.example, that leads to the same "
        "servers; browsers fetch files there, without a cookie. Without it files come from the same host.",
    )
    secure_cookies: bool = _told(
        "LIANZHOU_SECURE_COOKIES", False, "Send cookies over HTTPS only; true behind a server that ends TLS."
    )
    session_hours: int = _told("LIANZHOU_SESSION_HOURS", 12, "How long a sign-in lasts at most.")
    idle_minutes: int = _told("LIANZHOU_IDLE_MINUTES", 30, "After how many minutes without use a sign-in ends.")
    second_factor: Literal["required-for-signers", "optional"] = _told(
        "LIANZHOU_SECOND_FACTOR",
        "required-for-signers",
        "Whether who signs or runs the platform must have a second factor: required-for-signers or optional.",
    )
    djb_passwords: bool = _told(
        "LIANZHOU_DJB_PASSWORDS",
        False,
        "Ask for passwords of mixed characters, changed every 90 days, as 等保 does: for bureau and operator accounts.",
    )
    trusted_proxies: Networks = _told(
        "LIANZHOU_TRUSTED_PROXIES",
        (),
        "Addresses or networks, parted by commas, of the proxies in front, whose X-Forwarded-For is believed.",
    )
    oidc_file: Path | None = _told(
        "LIANZHOU_OIDC_FILE",
        None,
        "The TOML file that names providers of OpenID Connect to sign in by; without it there are none.",
    )
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
    safe_keys: Path | None = _told(
        "LIANZHOU_SAFE_KEYS",
        None,
        "The file of the keys that seal secrets and prices in the database, made when first wanted; without it in "
        "LIANZHOU_HOME. Keep a copy apart from the database's: without these keys nothing sealed can be read.",
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

    esign_place: str = _told(
        "LIANZHOU_ESIGN_PLACE", "CN", "The country or region (ISO 3166) in which that provider keeps what it is sent."
    )
    mail_abroad: str = _told(
        "LIANZHOU_MAIL_ABROAD",
        "",
        "Domains of e-mail addresses, by commas, whose mail is kept outside the mainland, such as gmail.com.",
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
    def safe_keys_place(self) -> Path:
        """Where the keys that seal columns of the database are."""
        return self.safe_keys or self.home / "keys" / "safe.json"

    @property
    def digest_key_place(self) -> Path:
        """Where the key is that turns digests of problems into marks which nobody else can compute."""
        return self.home / "keys" / "digest.key"

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
        if wanted == Networks:
            return tuple(ip_network(each.strip()) for each in text.split(","))
        if get_args(wanted) and str in map(type, get_args(wanted)):
            return {str(one): one for one in get_args(wanted)}[text.lower()]
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
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
