"""Authentication by API key, and rate limits."""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from app.core.errors import SpeechEmotionError

ANONYMOUS = "anonymous"
"""The name of every caller if the service has no keys."""


class AccessError(SpeechEmotionError):
    """Access denied."""


class Unauthenticated(AccessError):
    """The API key is missing or unknown."""


class RateLimited(AccessError):
    """The API key exceeded its request rate.

    Attributes:
        retry_after: the seconds until the next request is accepted.
    """

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """Store the reason and the seconds to wait."""
        super().__init__(message)
        self.retry_after = retry_after


class Authenticator:
    """An authenticator that identifies API keys and limits their request rates."""

    def __init__(self, key_hashes: Mapping[str, str], rate_limit: str = "") -> None:
        """Store the keys and the rate limit.

        Args:
            key_hashes: the SHA-256 of each key, by the name of the key; if empty, every caller is accepted.
            rate_limit: the limit in the notation of `limits`, such as `600/minute`; if empty, no limit.
        """
        self._key_hashes = dict(key_hashes)
        self._limit = limits.parse(rate_limit) if rate_limit else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def identify(self, key: str | None) -> str:
        """Return the name of a key.

        A key is a long random token, so its plain SHA-256 cannot be reversed. The key is compared with
        every hash, in constant time, so that the duration reveals nothing.

        Raises:
            Unauthenticated: the key is missing or unknown.
        """
        if not self._key_hashes:
            return ANONYMOUS
        sha256 = hashlib.sha256((key or "").encode()).hexdigest()
        owners = [name for name, stored in self._key_hashes.items() if hmac.compare_digest(stored, sha256)]
        if not owners:
            raise Unauthenticated(
                "The API key is missing or unknown. Send a valid key as `Authorization: Bearer KEY`."
            )
        return owners[0]

    async def count(self, name: str) -> None:
        """Count a request of a key.

        Raises:
            RateLimited: the request exceeds the rate limit.
        """
        if self._limit is None or await self._limiter.hit(self._limit, name):
            return
        window = await self._limiter.get_window_stats(self._limit, name)
        wait = math.floor(window.reset_time - time.time()) + 1  # the first whole second after the reset
        raise RateLimited(f"The requests exceed the limit of {self._limit}. Wait {wait} s.", wait)
