"""Authentication by API key: who calls, and what the key permits."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.api.key_ring import KeyRing
from app.core.channels import ChannelPolicy
from app.core.errors import SpeechEmotionError
from app.keys import Key, KeyScope

ANONYMOUS = "anonymous"
"""The name of every caller if the service has no keys."""


class AccessError(SpeechEmotionError):
    """Access denied."""


class Unauthenticated(AccessError):
    """The API key is missing or unknown."""


class KeyExpired(AccessError):
    """The API key has expired."""


class ScopeMissing(AccessError):
    """The API key does not have the scope of the request."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller, and what it may do.

    Attributes:
        name: the name of its key, which owns its jobs and sessions.
        share: the identity for limits and turns: the name of the key, or the address without keys.
        scopes: the operations that the caller may use.
        channels: the channels that the caller may analyze.
    """

    name: str
    share: str
    scopes: frozenset[KeyScope]
    channels: ChannelPolicy

    def require(self, scope: KeyScope) -> None:
        """Check that the caller has a scope.

        Raises:
            ScopeMissing: the caller does not have the scope.
        """
        if scope not in self.scopes:
            raise ScopeMissing(
                f"The API key {self.name} does not have the scope `{scope}`. Use a key that has this scope."
            )


class Authenticator:
    """An authenticator that identifies callers by their API keys."""

    def __init__(
        self,
        ring: KeyRing,
        channels: ChannelPolicy,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """Store the keys.

        Args:
            ring: the keys; if there are none, every caller is accepted.
            channels: the channels that the service permits.
            today: a function that returns the date in UTC.
        """
        self._ring = ring
        self._channels = channels
        self._today = today

    @property
    def keys(self) -> tuple[Key, ...]:
        """The present keys."""
        return tuple(self._ring.keys)

    def identify(self, key: str | None, address: str) -> Caller:
        """Return the caller that sent a key.

        A key is a long random token, so its plain SHA-256 cannot be reversed. The key is compared with
        every hash, in constant time, so that the duration reveals nothing.

        Args:
            key: the key; None if the request has none.
            address: the network address of the client.

        Raises:
            Unauthenticated: the key is missing or unknown.
            KeyExpired: the key has expired.
        """
        keys = self._ring.keys
        if not keys:
            return Caller(ANONYMOUS, address, frozenset(KeyScope), self._channels)
        sha256 = hashlib.sha256((key or "").encode()).hexdigest()
        found = [own for own in keys if hmac.compare_digest(own.sha256, sha256)]
        if not found:
            raise Unauthenticated(
                "The API key is missing or unknown. Send a valid key as `Authorization: Bearer KEY`."
            )
        own = found[0]
        if own.expires is not None and self._today() > own.expires:
            raise KeyExpired(f"The API key {own.name} expired on {own.expires}. Request a new key.")
        channels = self._channels if own.channels is None else ChannelPolicy(own.channels)
        return Caller(own.name, own.name, own.scopes, channels)
