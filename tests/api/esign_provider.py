"""A provider of electronic signatures for tests, a process on loopback: python -m tests.api.esign_provider SECRET

It takes envelopes, and tells on request how its webhook about one would read: signed by its secret, for the moment that
is asked for. It signs nothing in the sense of any law.
"""

import base64
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook

TOKEN = "a token for tests"


class Provider(BaseHTTPRequestHandler):
    """``POST /envelopes`` takes one; ``POST /notice`` tells of one; ``GET /envelopes`` shows what was taken."""

    taken: dict[str, dict[str, Any]]
    secret: str

    def do_GET(self) -> None:
        """Show what was taken, without the papers."""
        self._answer(200, self.taken)

    def do_POST(self) -> None:
        """Take an envelope, the same key once, or make a webhook."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/envelopes":
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._answer(401, {})
                return
            key = self.headers["Idempotency-Key"]
            paper = base64.b64decode(asked["document"].pop("content"))
            reference = f"env-{list(self.taken).index(key) if key in self.taken else len(self.taken)}"
            self.taken[key] = {**asked, "reference": reference, "paper": hashlib.sha256(paper).hexdigest(),
                               "begins": paper[:5].decode()}  # fmt: skip
            self._answer(201, {"reference": reference, "address": f"https://esign.example/{reference}"})
        else:
            moment = datetime.now(UTC) + timedelta(seconds=asked.get("off", 0))
            body = json.dumps(asked["notice"])
            signature = Webhook(self.secret).sign(asked["id"], moment, body)
            headers = {"webhook-id": asked["id"], "webhook-timestamp": str(int(moment.timestamp()))}
            self._answer(200, {"headers": {**headers, "webhook-signature": signature}, "body": body})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


if __name__ == "__main__":
    Provider.taken, Provider.secret = {}, sys.argv[1]
    server = HTTPServer(("127.0.0.1", 0), Provider)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
