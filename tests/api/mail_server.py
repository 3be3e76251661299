"""A mail server on the loopback interface: it writes one line a message, with its id, recipient and subject, to a file.

python -m tests.api.mail_server PORT FILE     refuses a recipient whose name begins with "no"
"""

import asyncio
import json
import sys
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


class Kept:
    """Keeps what comes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse some."""
        if address.startswith("no"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Write one line before it is said that the message was taken."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body()
        assert body is not None
        line = {"id": message["Message-ID"], "to": message["To"], "subject": message["Subject"],
                "from": message["From"], "text": body.get_content()}  # fmt: skip
        with self._file.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(line, ensure_ascii=False) + "\n")
        return "250 OK"


async def serve(port: int, file: Path) -> None:
    """Serve for ever."""
    keeper = Kept(file)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keeper, enable_SMTPUTF8=True), "127.0.0.1", port
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
