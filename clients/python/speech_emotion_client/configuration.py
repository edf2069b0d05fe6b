"""The configuration that both clients share, and what they pass to httpx2 and websockets."""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypedDict
from urllib.parse import urlsplit

import httpx2
import websockets

from speech_emotion_client.errors import ConnectionFailed, TimedOut
from speech_emotion_client.requests import Request, Response, problem_of
from speech_emotion_client.retries import Retries
from speech_emotion_client.version import __version__

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The largest live message. The timeline of an hour has some megabytes."""


class ClientOptions(TypedDict, total=False):
    """Options of a client.

    Attributes:
        timeout: the seconds without a byte after which a request fails, 60 if omitted.
        call_timeout: the same for `timeline`, whose answer takes longer, 660 if omitted.
        retries: the policy of retries.
        ssl_context: the certificates to trust; those of the system if omitted.
    """

    timeout: float
    call_timeout: float
    retries: Retries
    ssl_context: ssl.SSLContext | None


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The configuration of a client.

    Attributes:
        url: the address of the service, such as `https://emotions.example.com`.
        key: the API key; None if the service has none.
        timeout: see `ClientOptions`, as for the others.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    call_timeout: float = 660.0
    retries: Retries = field(default_factory=Retries)
    ssl_context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            ValueError: the address is not one of HTTP.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(
                f"{self.url}: not an address. Give an address such as https://emotions.example.com"
            )

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        authorization = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        return {"User-Agent": f"speech-emotion-client/{__version__}", **authorization}

    def http_client(self) -> dict[str, Any]:
        """Return the arguments of a client of httpx2."""
        verify: ssl.SSLContext | bool = self.ssl_context or True
        if self.url.startswith("http:"):
            verify = False  # no TLS, so that it need not read the certificates, which takes 50 ms
        return {"base_url": self.url, "headers": self.headers, "verify": verify}

    def http_request(self, request: Request[Any]) -> dict[str, Any]:
        """Return the arguments of a request of httpx2, without the body."""
        return {
            "method": request.method,
            "url": request.path,
            "params": request.query,
            "headers": request.headers,
            "timeout": httpx2.Timeout(
                self.call_timeout if request.is_long else self.timeout, connect=self.timeout
            ),
        }

    def websocket(self) -> dict[str, Any]:
        """Return the arguments of a connection of websockets."""
        tls = {} if self.ssl_context is None else {"ssl": self.ssl_context}
        headers = self.headers
        return {
            "additional_headers": headers,
            "user_agent_header": headers.pop("User-Agent"),
            "compression": None,  # audio does not shrink
            "max_size": MAX_MESSAGE_BYTES,
            "max_queue": None,  # events are small, and a full queue would stop the answers to pings
            "open_timeout": self.timeout,
            **tls,
        }


def response_of(response: httpx2.Response) -> Response:
    """Return a response of httpx2 as the flows read it."""
    return Response(response.status_code, response.headers, response.content)


@contextlib.contextmanager
def http_errors(url: str) -> Iterator[None]:
    """Raise errors of httpx2 as errors of the client. Errors of reading the recording stay as they are.

    Raises:
        ConnectionFailed: there is no connection, or it broke.
        TimedOut: there was no answer in time.
    """
    try:
        yield
    except httpx2.TimeoutException as error:
        raise _timed_out(url) from error
    except httpx2.RequestError as error:
        raise _unreachable(url, error) from error


@contextlib.contextmanager
def socket_errors(url: str) -> Iterator[None]:
    """Raise errors of websockets and of sockets as errors of the client.

    Raises:
        ConnectionFailed: there is no connection, or it broke.
        TimedOut: there was no answer in time.
        ProblemError: the server did not open a WebSocket, and answered with an error.
    """
    try:
        yield
    except TimeoutError as error:
        raise _timed_out(url) from error
    except websockets.InvalidStatus as error:
        response = error.response
        headers = httpx2.Headers(list(response.headers.raw_items()))
        raise problem_of(Response(response.status_code, headers, bytes(response.body or b""))) from error
    except (websockets.WebSocketException, OSError) as error:
        raise _unreachable(url, error) from error


def _timed_out(url: str) -> TimedOut:
    return TimedOut(f"{url} did not answer in time. Check the address, or give a longer timeout.")


def _unreachable(url: str, error: Exception) -> ConnectionFailed:
    return ConnectionFailed(f"{url} cannot be reached: {error or type(error).__name__}. Check the address.")
