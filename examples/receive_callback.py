"""Receive webhooks of ended jobs, and verify their signatures.

pip install standardwebhooks
CALLBACK_SECRET=whsec_… python3 receive_callback.py PORT
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BYTES = 65_536
webhook = Webhook(os.environ["CALLBACK_SECRET"])
received: set[str] = set()  # in production: a database table, because a webhook may arrive more than once


class Receiver(BaseHTTPRequestHandler):
    """A handler that answers a genuine webhook with 204, which ends the attempts, and others with 400."""

    def do_POST(self) -> None:
        """Verify and process one webhook."""
        body = self.rfile.read(min(int(self.headers["Content-Length"]), MAX_BYTES))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = webhook.verify(body, headers)  # also rejects webhooks older than five minutes
        except WebhookVerificationError as error:
            self.send_error(400, str(error))
            return
        self.send_response(204)
        self.end_headers()
        if headers["webhook-id"] not in received:
            received.add(headers["webhook-id"])
            # A backend would store the ID here, and fetch GET /v1/jobs/{id} later.
            print(event["data"]["id"], event["data"]["state"], flush=True)


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
