"""Run moto as the S3 server of the Compose file: one bucket, in memory."""

import os
import signal
from http.client import HTTPConnection

from moto.server import ThreadedMotoServer

port = int(os.environ["VGW_PORT"].lstrip(":"))
if not os.environ["ROOT_SECRET_ACCESS_KEY"]:
    raise SystemExit("ROOT_SECRET_ACCESS_KEY is empty")
ThreadedMotoServer("0.0.0.0", port).start()  # nosec B104  # the network of the containers
HTTPConnection("127.0.0.1", port).request("PUT", "/recordings")
signal.sigwait({signal.SIGTERM, signal.SIGINT})
