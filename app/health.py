"""`python -m app health`: check whether the service on this machine is ready, without curl."""

import http.client
import os
import sys

TIMEOUT = 3.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nosec B104  # never bound
"""For each wildcard address, the loopback address that reaches a service which listens on it."""


def check() -> int:
    """Request `/health/ready` at SER_HOST and SER_PORT.

    Read the two settings from the environment, because loading all settings takes longer than the request.

    Returns:
        The exit status; 0 if the service is ready.
    """
    host = os.environ.get("SER_HOST", "127.0.0.1")
    port = os.environ.get("SER_PORT", "8000")
    try:
        connection = http.client.HTTPConnection(EVERYWHERE.get(host, host), int(port), timeout=TIMEOUT)
        connection.request("GET", "/health/ready")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"the service does not answer: {error}", file=sys.stderr)
        return 1
    print(status)
    return 0 if status == http.client.OK else 1
