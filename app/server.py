"""The server: uvicorn with a graceful shutdown."""

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

from app.audit import AuditLogUnavailable
from app.core.errors import BundleError
from app.logs import configuration
from app.main import create_app
from app.pool.supervisor import exit_at_once
from app.rollout import RolloutInvalid
from app.rules.errors import RulesInvalid
from app.settings import Settings
from app.websocket import RestingWebSocket

_OFFER = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n|$)", re.IGNORECASE)


def serve(*, runs_jobs_only: bool = False) -> int:
    """Serve until a stop signal arrives.

    Args:
        runs_jobs_only: whether to run queued jobs and serve only health and metrics.

    Returns:
        The exit status; 1 if a setting, a bundle, the rollout or a rule is invalid, or the audit log cannot
        be opened, with the reason on stderr. If only the workers detect the error, uvicorn ends the process
        with status 3.
    """
    try:
        settings = Settings()
        app = create_app(settings, runs_jobs_only=runs_jobs_only)
    except ValidationError as error:
        for fault in error.errors():
            name = "".join(f"SER_{str(part).upper()}: " for part in fault["loc"][:1])
            print(f"{name}{fault['msg'].removeprefix('Value error, ')}", file=sys.stderr)
        return 1
    except (AuditLogUnavailable, BundleError, RolloutInvalid, RulesInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    logging.config.dictConfig(configuration(settings.log_format))
    Server(app, settings).run()
    return 0


class Server(uvicorn.Server):
    """A server that stops in two steps.

    On SIGTERM the server reports that it is not ready, but still accepts requests. A load balancer has
    time to stop sending requests. After the delay the server accepts no more requests, and completes
    the accepted ones.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        """Describe the server.

        Args:
            app: the application; `draining` of its pool marks the first step of a stop.
            settings: the address to listen on, the seconds between the two steps of a stop, and the
                largest message of a live session.
        """
        draining_app = _DrainingApp(app)
        # `app.logs` configures the log.
        super().__init__(
            uvicorn.Config(
                draining_app,
                host=settings.host,
                port=settings.port,
                http=_HTTP,
                ws=RestingWebSocket,
                ws_max_size=settings.live_max_message_bytes,
                # No limit, because the answer to a ping waits behind audio that is paced. A dead client sends
                # nothing (SER_LIVE_IDLE_SECONDS), or TCP notices.
                ws_ping_timeout=None,
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )
        self._pool = app.state.pool
        self._delay = settings.shutdown_delay
        self._live = app.state.live
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal stops the server."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the first step of a stop. A second signal, or Ctrl-C, starts the last step at once."""
        if not self.started:
            # No request was accepted yet, and the workers end with this process. An exception here would
            # sometimes look like a failed start to uvicorn.
            exit_at_once()
        if self._pool.draining or sig == signal.SIGINT or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._pool.draining = True
        self._loop.call_soon_threadsafe(self._live.go_away)
        self._loop.call_soon_threadsafe(self._loop.call_later, self._delay, super().handle_exit, sig, frame)


class _HTTP(HttpToolsProtocol):
    """An HTTP/1.1 protocol that ignores offers of HTTP/2.

    By default, Java's HttpClient offers HTTP/2 with `Upgrade: h2c`. httptools skips the body of such a
    request (https://github.com/Kludex/uvicorn/discussions/2722). This protocol therefore removes the
    header, which a server may ignore (RFC 9110, 7.8). h11 reads the body, but takes 0.8 ms more per request.
    """

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and remove the HTTP/2 offer from the head of a request."""
        if self.cycle is None or self.cycle.response_complete:
            head, end, body = data.partition(b"\r\n\r\n")
            data = _OFFER.sub(b"", head) + end + body
        super().data_received(data)


class _DrainingApp:
    """ASGI middleware that closes each connection after its response while the service drains.

    The server could close a persistent connection while the next request arrives. The middleware also
    reports the reason of a failed start in place of a traceback.
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
