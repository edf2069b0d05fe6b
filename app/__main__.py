"""`python -m app`: serve, with the settings of the environment; `python -m app key NAME`: make a key."""

import hashlib
import logging.config
import secrets
import signal
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from app.core.errors import BundleError
from app.logs import configuration
from app.main import create_app
from app.server import Server
from app.settings import Settings

USAGE = """\
usage: python -m app            serve, with the settings SER_* of the environment
       python -m app key NAME   make an API key"""


def main(arguments: Sequence[str]) -> int:
    """Do what is asked.

    Returns:
        The exit status: 2 for arguments that nobody understands.
    """
    match arguments:
        case []:
            return serve()
        case ["key", name]:
            return make_key(name)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def serve() -> int:
    """Serve until told to stop.

    Returns:
        The exit status: 1 if the settings or a bundle make it impossible, which stderr explains.
    """
    try:
        settings = Settings()
        app = create_app(settings)
    except ValidationError as error:
        for fault in error.errors():
            name = "".join(f"SER_{str(part).upper()}: " for part in fault["loc"][:1])
            print(f"{name}{fault['msg'].removeprefix('Value error, ')}", file=sys.stderr)
        return 1
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    logging.config.dictConfig(configuration(settings.log_format))
    # Once it has stopped cleanly, uvicorn raises the signal again for whoever handled it before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(app, app.state.pool, settings.host, settings.port, settings.shutdown_delay).run()
    return 0


def make_key(name: str) -> int:
    """Make a key of 256 random bits, and print it with what SER_API_KEYS needs of it."""
    key = secrets.token_urlsafe(32)
    print(f"key, for whoever calls:  {key}")
    print(f"for SER_API_KEYS:        {name}:{hashlib.sha256(key.encode()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
