"""Run moto as the S3 server of the Compose file: one bucket, in memory.

If /tmp/delay exists, each request waits for that number of seconds.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

DELAY = Path("/tmp/delay")  # noqa: S108  # nosec B108  # in the container
backend = DomainDispatcherApplication(create_backend_app)


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request after the delay."""
    if DELAY.exists():
        time.sleep(float(DELAY.read_text()))
    answered: Iterable[bytes] = backend(environ, start_response)
    return answered


port = int(os.environ["VGW_PORT"].lstrip(":"))
if not os.environ["ROOT_SECRET_ACCESS_KEY"]:
    raise SystemExit("ROOT_SECRET_ACCESS_KEY is empty")
# The network of the containers
server = make_server("0.0.0.0", port, answer, threaded=True, request_handler=MotoRequestHandler)  # nosec B104
threading.Thread(target=server.serve_forever, daemon=True).start()
HTTPConnection("127.0.0.1", port).request("PUT", "/recordings")
signal.sigwait({signal.SIGTERM, signal.SIGINT})
