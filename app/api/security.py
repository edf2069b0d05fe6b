"""Who may call, how often, and which channels may be heard."""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.core.errors import SpeechEmotionError

ANONYMOUS = "anonymous"
"""The name of whoever calls where no keys are set."""


class AccessError(SpeechEmotionError):
    """The caller may not do this."""


class Unauthenticated(AccessError):
    """No key, or one that is not known."""


class ChannelNotPermitted(AccessError):
    """The operator does not let this channel be analysed."""


class RateLimited(AccessError):
    """More requests than a key may make.

    Attributes:
        retry_after: seconds until the next one is accepted.
    """

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """Say why, and when to come back."""
        super().__init__(message)
        self.retry_after = retry_after


class Gate:
    """Knows the keys, and counts their requests."""

    def __init__(self, key_hashes: Mapping[str, str], rate_limit: str = "") -> None:
        """Describe who may pass.

        Args:
            key_hashes: SHA-256 of each key, by its name; without any, everybody may.
            rate_limit: as `limits` writes it, such as `600/minute`; empty: any number.
        """
        self._key_hashes = dict(key_hashes)
        self._limit = limits.parse(rate_limit) if rate_limit else None
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def identify(self, key: str | None) -> str:
        """Say whose key it is.

        A key is a long random token, so that its plain SHA-256 cannot be reversed. Every hash is
        compared, in constant time, so that the time taken tells nothing.

        Raises:
            Unauthenticated: nobody's.
        """
        if not self._key_hashes:
            return ANONYMOUS
        sha256 = hashlib.sha256((key or "").encode()).hexdigest()
        owners = [name for name, known in self._key_hashes.items() if hmac.compare_digest(known, sha256)]
        if not owners:
            raise Unauthenticated(
                "No API key, or one that is not known. Send it as `Authorization: Bearer KEY`."
            )
        return owners[0]

    async def count(self, name: str) -> None:
        """Count a request.

        Raises:
            RateLimited: it is one too many.
        """
        if self._limit is None or await self._limiter.hit(self._limit, name):
            return
        window = await self._limiter.get_window_stats(self._limit, name)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        raise RateLimited(f"More than {self._limit} were sent. Wait {wait} s.", wait)
