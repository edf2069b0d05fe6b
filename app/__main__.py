"""`python -m app`: serve, or one of the other things that stand in `USAGE`."""

import base64
import hashlib
import multiprocessing
import secrets
import signal
import sys
from collections.abc import Sequence
from multiprocessing import forkserver

PRELOADED = "app.worker"
USAGE = """\
usage: python -m app            serve, with the settings SER_* of the environment
       python -m app worker     run jobs that another service takes; answer health and metrics alone
       python -m app key NAME   make an API key
       python -m app secret     make a secret that signs callbacks
       python -m app health     ask the service on this machine whether it is ready
       python -m app analyse …  analyse recordings without a server; --help says how"""


def main(arguments: Sequence[str]) -> int:
    """Do what is asked.

    Returns:
        The exit status: 2 for arguments that nobody understands.
    """
    match arguments:
        case [] | ["worker"]:
            # At once, since the first process of a container ignores signals that it does not handle.
            # Once uvicorn has stopped cleanly, it raises the signal again for whoever handled it before.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            start_fork_server()
            from app.server import serve  # noqa: PLC0415  # the fork server imports at the same time

            return serve(runs_jobs_only=bool(arguments))
        case ["analyse", *rest]:
            start_fork_server()
            from app.analyse import analyse  # noqa: PLC0415  # as above

            return analyse(rest)
        case ["secret"]:
            print(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")
            return 0
        case ["health"]:
            from app.health import check  # noqa: PLC0415  # nothing else needs it

            return check()
        case ["key", name]:
            return make_key(name)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def start_fork_server() -> None:
    """Start the process that workers are forked from; its imports take longer than our own."""
    multiprocessing.set_forkserver_preload([PRELOADED])
    forkserver.ensure_running()


def make_key(name: str) -> int:
    """Make a key of 256 random bits, and print it with what SER_API_KEYS needs of it."""
    key = secrets.token_urlsafe(32)
    print(f"key, for whoever calls:  {key}")
    print(f"for SER_API_KEYS:        {name}:{hashlib.sha256(key.encode()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
