"""Links that set a new password go to those who asked for one, if the address is somebody's."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import recovery
from api.db import transaction
from api.i18n import DEFAULT, supported
from api.sending import NotSent
from api.sending.letters import by_mail, recovery_address, write_link
from api.settings import Settings
from api.tenancy import Office, doing


async def recover(sessions: async_sessionmaker[AsyncSession], settings: Settings) -> int:
    """Send the links that are due; return how many were tried. Where no mail server is set, wishes are dropped.

    The link is made before it is sent: a letter may arrive twice, and the newest one holds.
    """
    async with transaction(sessions, doing(Office.GATE)) as session:
        links = await recovery.take(session)
    for link in links:
        locale = supported(link.locale) or DEFAULT
        written = write_link(locale, link.id, recovery_address(settings, link.secret), recovery.LASTING)
        try:
            await by_mail(settings, link.email, written)
        except NotSent as refused:
            if refused.reason != "mail-unset":
                continue
        async with transaction(sessions, doing(Office.GATE)) as session:
            await recovery.sent(session, link.id)
    return len(links)
