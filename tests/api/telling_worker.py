"""A process that tells what happened, and nothing else; tests kill it.

python -m tests.api.telling_worker URL MAIL_URL     without MAIL_URL it only hands events on
"""

import asyncio
import sys

from api.actions import relaying
from api.db import make_engine, make_sessions, transaction
from api.jobs.telling import deliver, tell
from api.settings import Settings

FEW = 7
"""Events a commit, so that a kill finds the relay at work."""


async def run(url: str, mail_url: str | None) -> None:
    """Tell for ever."""
    sessions = make_sessions(make_engine(url))
    settings = Settings(mail_url=mail_url, mail_from="lianzhou@demo.invalid", local_webhooks=True)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if mail_url is None:
            async with transaction(sessions) as session:
                await relaying.hand_on(session, FEW)
        else:
            await tell(sessions, settings)
            await deliver(sessions, settings)
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
