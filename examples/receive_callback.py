"""Hears that jobs have ended, and believes it only where the signature is right.

pip install standardwebhooks
CALLBACK_SECRET=whsec_… python3 receive_callback.py PORT
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BYTES = 65_536
webhook = Webhook(os.environ["CALLBACK_SECRET"])
heard: set[str] = set()  # in earnest: a table, since each callback may come more than once


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine, which ends the tries, and 400 to anything else."""

    def do_POST(self) -> None:
        """Hear one."""
        body = self.rfile.read(min(int(self.headers["Content-Length"]), MAX_BYTES))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = webhook.verify(body, headers)  # also refuses what is older than five minutes
        except WebhookVerificationError as error:
            self.send_error(400, str(error))
            return
        self.send_response(204)
        self.end_headers()
        if headers["webhook-id"] not in heard:
            heard.add(headers["webhook-id"])
            # Here a backend would put the id on a list of its own, and fetch GET /v1/jobs/{id} later.
            print(event["data"]["id"], event["data"]["state"], flush=True)


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
