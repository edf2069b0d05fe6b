"""`python -m app health`: ask the service on this machine whether it is ready, for who has no curl."""

import http.client
import os
import sys

TIMEOUT = 3.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nosec B104  # asked, not bound to
"""Addresses that are listened on, and where one that listens there is found."""


def check() -> int:
    """Ask `/health/ready` at SER_HOST and SER_PORT.

    The settings are read from the environment here: to load them all takes longer than to ask.

    Returns:
        The exit status: 0 if it is ready.
    """
    host = os.environ.get("SER_HOST", "127.0.0.1")
    port = os.environ.get("SER_PORT", "8000")
    try:
        connection = http.client.HTTPConnection(EVERYWHERE.get(host, host), int(port), timeout=TIMEOUT)
        connection.request("GET", "/health/ready")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    print(status)
    return 0 if status == http.client.OK else 1
