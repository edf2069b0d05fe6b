"""An HTTP server that receives webhooks."""

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

SECRET, OLD_SECRET = (f"whsec_{letter * 43}=" for letter in "AE")


class Receiver(ThreadingHTTPServer):
    """A server that records each webhook and answers with given statuses.

    Attributes:
        statuses: the statuses of the next answers, in order. The last status repeats.
        requests: the headers and the body of each request.
        verified: the content of each request that arrived with a valid signature.
        pause: the number of seconds before each answer.
        retry_after: the header Retry-After of each answer; empty for none.
        secret: the secret of this receiver.
    """

    def __init__(self, *statuses: int, pause: float = 0, host: str = "127.0.0.1") -> None:
        """Bind the server to a free port of an address of this machine."""
        super().__init__((host, 0), _Handler)
        self.statuses = list(statuses)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.verified: list[dict[str, Any]] = []
        self.pause = pause
        self.retry_after = ""
        self.secret = SECRET
        self.url = f"http://{host}:{self.server_address[1]}/webhooks?source=calls"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((headers, body))
        with contextlib.suppress(WebhookVerificationError):
            self.server.verified.append(Webhook(self.server.secret).verify(body.decode(), headers))
        time.sleep(self.server.pause)
        status = self.server.statuses[0]
        if len(self.server.statuses) > 1:
            del self.server.statuses[0]
        with contextlib.suppress(BrokenPipeError):
            self.send_response(status)
            self.send_header("Location", f"{self.server.url}/elsewhere")
            if self.server.retry_after:
                self.send_header("Retry-After", self.server.retry_after)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextlib.contextmanager
def receiving(*statuses: int, pause: float = 0, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run a receiver in a thread."""
    with Receiver(*statuses, pause=pause, host=host) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()
