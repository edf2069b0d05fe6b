"""The server: uvicorn, with a stop that loses nothing."""

import asyncio
import logging.config
import re
import signal
import socket
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.core.errors import BundleError
from app.logs import configuration
from app.main import create_app
from app.settings import Settings

_OFFER = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n|$)", re.IGNORECASE)


def serve(*, runs_jobs_only: bool = False) -> int:
    """Serve until told to stop.

    Args:
        runs_jobs_only: answer nothing but health and metrics; the jobs come from the queue.

    Returns:
        The exit status: 1 if the settings or a bundle make it impossible, which stderr explains. (Where
        that shows in the workers only, uvicorn ends the process itself, with 3.)
    """
    try:
        settings = Settings()
        app = create_app(settings, runs_jobs_only=runs_jobs_only)
    except ValidationError as error:
        for fault in error.errors():
            name = "".join(f"SER_{str(part).upper()}: " for part in fault["loc"][:1])
            print(f"{name}{fault['msg'].removeprefix('Value error, ')}", file=sys.stderr)
        return 1
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    logging.config.dictConfig(configuration(settings.log_format))
    Server(app, settings.host, settings.port, settings.shutdown_delay).run()
    return 0


class Server(uvicorn.Server):
    """Stops in two steps.

    With SIGTERM it is not ready any more, but answers whoever comes, so that a balancer has the
    time to send nobody else. After the delay it accepts no more, and answers those that it has.
    """

    def __init__(self, app: FastAPI, host: str, port: int, delay: float) -> None:
        """Describe the server.

        Args:
            app: the application; its pool tells whether it is about to stop.
            host: address to listen on.
            port: port to listen on.
            delay: seconds between the two steps of a stop.
        """
        farewell = _Farewell(app)
        # The log is our own.
        super().__init__(
            uvicorn.Config(
                farewell,
                host=host,
                port=port,
                http=_HTTP,
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )
        self._pool = app.state.pool
        self._delay = delay
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal has stopped it."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take the first step; a second signal, or Ctrl-C, takes the last at once."""
        if not self.started:
            sys.exit(0)  # there is nothing to finish
        if self._pool.draining or sig == signal.SIGINT or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._pool.draining = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self._delay, super().handle_exit, sig, frame)


class _HTTP(HttpToolsProtocol):
    """HTTP/1.1, also for those who offer HTTP/2.

    Java's HttpClient does, by `Upgrade: h2c`, unless it is told otherwise. httptools skips the body of
    such a request (https://github.com/Kludex/uvicorn/discussions/2722), so it is not shown the offer,
    which a server may ignore (RFC 9110, 7.8). h11 does not mind, but takes 0.8 ms more a request.
    """

    def data_received(self, data: bytes) -> None:
        """Read what has come; where a request begins, without the offer."""
        if self.cycle is None or self.cycle.response_complete:
            head, end, body = data.partition(b"\r\n\r\n")
            data = _OFFER.sub(b"", head) + end + body
        super().data_received(data)


class _Farewell:
    """ASGI middleware that lets every connection end with its answer, once the service is about to stop.

    A connection that is kept open could be closed just as the next request comes in.
    And where the service cannot start, it says why, in the place of a traceback.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._pool = app.state.pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def close_if_draining(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self.app.state.failure is not None:
                message["message"] = str(self.app.state.failure)
            if message["type"] == "http.response.start" and self._pool.draining:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self.app(scope, receive, close_if_draining)
