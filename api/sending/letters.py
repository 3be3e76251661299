"""One letter written and sent: by e-mail through the operator's server, to a chat through Apprise.

E-mail is sent by Python's own library: a letter keeps its Message-ID at every try, by which mail systems know a second
copy as the same message, and Apprise would make a new one each time.
"""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from anyio import to_thread

from api.i18n import Locale, moment, say
from api.sending import NotSent
from api.settings import Settings
from domain.message import Message

SECONDS = 20.0
CHATS = ("dingtalk", "discord", "feishu", "lark", "schan", "slack", "tgram", "wecombot")
"""Schemes of Apprise whose host is fixed in the library: an address can name a group, never a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event in a letter: when, who, what, and where to look."""

    at: datetime
    firm: str
    title: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A letter in words."""

    id: UUID
    subject: str
    text: str
    locale: Locale


def write(locale: Locale, identity: UUID, lines: Sequence[Line], more: int, site: str) -> Written:
    """Word a letter of `lines`; `more` says how many events it leaves out. Without lines it is a test."""
    if not lines:
        subject = _said(locale, "test-subject")
        body = [_said(locale, "test-text")]
    else:
        subject = lines[0].title if len(lines) == 1 and not more else _said(locale, "subject", n=len(lines) + more)
        body = [f"{moment(locale, line.at)}\n{line.firm} {line.title}\n{site}{line.path}\n" for line in lines]
        body += [_said(locale, "left-out", n=more)] if more else []
    foot = [_said(locale, "inbox", url=f"{site}/inbox"), _said(locale, "settings", url=f"{site}/notifications")]
    return Written(
        id=identity,
        subject=" ".join(f"{_said(locale, 'sign')} {subject}".split())[:200],
        text="\n".join([*body, "", *foot]) + "\n",
        locale=locale,
    )


def recovery_address(settings: Settings, secret: str) -> str:
    """Return where a link leads that sets a new password; the secret is in the query, which no log keeps."""
    return f"{settings.site}/recovery/new?secret={secret}"


def write_link(locale: Locale, identity: UUID, link: str, lasting: timedelta) -> Written:
    """Word a letter that carries a link for setting a new password."""
    minutes = int(lasting.total_seconds() // 60)
    body = [_said(locale, "recovery-text", minutes=minutes), "", link, "", _said(locale, "recovery-else")]
    return Written(
        id=identity,
        subject=f"{_said(locale, 'sign')} {_said(locale, 'recovery-subject')}",
        text="\n".join(body) + "\n",
        locale=locale,
    )


async def by_mail(settings: Settings, to: str, written: Written) -> None:
    """Send a letter through the operator's mail server. Raises NotSent."""
    if settings.mail_url is None:
        raise NotSent("mail-unset")
    await to_thread.run_sync(_mail, settings, to, written)


async def to_chat(address: str, written: Written) -> None:
    """Send a letter to a chat. Raises NotSent."""
    if not await to_thread.run_sync(_chat, address, written):
        raise NotSent("chat-refused")


def chat_fault(address: str) -> str | None:
    """Return why an address is no chat's that may be used, as a code, or None.

    >>> chat_fault("json://127.0.0.1/"), chat_fault("dingtalk://abc123def"), chat_fault("dingtalk://abc?verify=no")
    ('chat-scheme', None, 'chat-options')
    """
    scheme, parted, _ = address.partition("://")
    if not parted or scheme.lower() not in CHATS:
        return "chat-scheme"
    if "?" in address or "#" in address:
        return "chat-options"
    return None if _plugin(address) is not None else "chat-address"


def hidden(address: str) -> str:
    """Return an address as it may be shown: what opens it is left out.

    >>> hidden("dingtalk://abcdefgh")
    'dingtalk://a…h'
    """
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest[:1]}…{rest.rstrip('/')[-1:]}"


def _said(locale: Locale, code: str, **params: str | int) -> str:
    return say(locale, Message(code=code, params=params), section="letter")


def _mail(settings: Settings, to: str, written: Written) -> None:
    server = urlsplit(settings.mail_url or "")
    sender = settings.mail_from or unquote(server.username or "")
    message = EmailMessage()
    message["Subject"] = written.subject
    message["From"] = Address(_said(written.locale, "sender"), addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Date"] = format_datetime(datetime.now().astimezone())
    message["Message-ID"] = f"<{written.id}@{sender.partition('@')[2] or 'lianzhou.invalid'}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = written.locale
    message.set_content(written.text)
    try:
        with _server(server.scheme, server.hostname or "", server.port) as smtp:
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
            smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        raise NotSent("recipient-refused") from refused
    except smtplib.SMTPException as refused:
        raise NotSent("mail-refused") from refused
    except OSError as away:
        raise NotSent("mail-unreachable") from away


def _server(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    """Open a connection: TLS from the start for ``smtps``, by STARTTLS for ``smtp``, none for ``smtp+plain``."""
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=ssl.create_default_context())
    smtp = smtplib.SMTP(host, port or 587, timeout=SECONDS)
    if scheme == "smtp":
        smtp.starttls(context=ssl.create_default_context())
    return smtp


def _chat(address: str, written: Written) -> bool:
    plugin = _plugin(address)
    try:
        return plugin is not None and bool(plugin.notify(body=written.text, title=written.subject))
    except Exception:  # a service's plugin that breaks on an answer has not sent either
        return False


def _plugin(address: str) -> Any:
    from apprise import Apprise  # half a second of import that only telling needs

    return Apprise.instantiate(address, suppress_exceptions=True)
