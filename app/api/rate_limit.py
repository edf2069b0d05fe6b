"""The rate limit of callers, and its header fields.

The fields `RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers, version 10: a
policy has a quota `q` and a window `w` in seconds; the limit has the remaining requests `r` and the seconds
`t` until more are accepted.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.security import AccessError

STATE = "rate_limit_fields"
"""The name of the header fields in the state of a request."""
POLICY = '"default"'


class RateLimited(AccessError):
    """The caller exceeded its request rate.

    Attributes:
        retry_after: the seconds until the next request is accepted.
    """

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """Store the reason and the seconds to wait."""
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Usage:
    """The state of a caller's rate limit after a request.

    Attributes:
        fields: the header fields of the answer.
        refusal: the error if the request exceeds the limit; else None.
    """

    fields: Mapping[str, str]
    refusal: RateLimited | None = None

    def check(self) -> None:
        """Raise the error of a refused request.

        Raises:
            RateLimited: the request exceeds the limit.
        """
        if self.refusal is not None:
            raise self.refusal


class RateLimiter:
    """A rate limiter that counts the requests of each caller in a moving window."""

    def __init__(self, rate_limit: str = "") -> None:
        """Store the limit.

        Args:
            rate_limit: the limit in the notation of `limits`, such as `600/minute`; if empty, no limit.
        """
        self._limit = limits.parse(rate_limit) if rate_limit else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, caller: str) -> Usage:
        """Count a request of a caller."""
        if self._limit is None:
            return Usage({})
        accepted = await self._limiter.hit(self._limit, caller)
        window = await self._limiter.get_window_stats(self._limit, caller)
        wait = max(1, math.floor(window.reset_time - time.time()) + 1)  # the first second after the reset
        fields = {
            "RateLimit-Policy": f"{POLICY};q={self._limit.amount};w={self._limit.get_expiry()}",
            "RateLimit": f"{POLICY};r={window.remaining};t={wait}",
        }
        if accepted:
            return Usage(fields)
        message = f"The requests exceed the limit of {self._limit}. Wait {wait} s."
        return Usage(fields, RateLimited(message, wait))


class RateLimitFields:
    """ASGI middleware that adds the header fields of the rate limit to every answer that has some."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and add the fields to the head of its answer."""

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(scope.get("state", {}).get(STATE, {}))
            await send(message)

        await self.app(scope, receive, send_with_fields)
