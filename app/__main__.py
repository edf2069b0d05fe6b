"""`python -m app`: serve, with the settings of the environment."""

import signal
import sys

import uvicorn
from pydantic import ValidationError

from app.core.errors import BundleError
from app.main import create_app
from app.settings import Settings


def main() -> int:
    """Serve until told to stop.

    Returns:
        The exit status: 1 if the settings or a bundle make it impossible, which stderr explains.
    """
    try:
        settings = Settings()
        app = create_app(settings)
    except ValidationError as error:
        for fault in error.errors():
            print(f"SER_{str(fault['loc'][0]).upper()}: {fault['msg']}", file=sys.stderr)
        return 1
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    # Once it has stopped cleanly, uvicorn raises the signal again for whoever handled it before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(app, host=settings.host, port=settings.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
