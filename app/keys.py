"""API keys: what an entry of SER_API_KEYS, or a line of SER_API_KEYS_FILE, permits.

name:sha256
name:sha256 scopes=recognize+jobs expires=2027-03-31 channels=0+1
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

_IDENTITY = re.compile(r"(?P<name>[\w.@-]+):(?P<sha256>[0-9a-f]{64})")


class KeyScope(StrEnum):
    """A group of operations that a key may use."""

    RECOGNIZE = "recognize"
    JOBS = "jobs"
    LIVE = "live"
    METRICS = "metrics"
    ADMIN = "admin"


DEFAULT_SCOPES = frozenset(KeyScope) - {KeyScope.ADMIN}
"""The scopes of an entry that names none: everything that a key could do before there were scopes."""
FIELDS = frozenset({"scopes", "expires", "channels"})
"""The names that may follow the hash in an entry."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it permits.

    Attributes:
        name: the name of the caller. Two keys of the same name are one caller.
        sha256: the SHA-256 of the key, in hexadecimal digits.
        scopes: the operations that the key may use.
        expires: the last day on which the key is valid, in UTC; None if it does not expire.
        channels: the channels that the key may analyze; None: all that the service permits.

    Example:
        >>> key = parse_key(f"backend:{'0' * 64} scopes=jobs+live expires=2027-03-31 channels=1")
        >>> key.name, sorted(map(str, key.scopes)), str(key.expires), key.channels
        ('backend', ['jobs', 'live'], '2027-03-31', frozenset({1}))
    """

    name: str
    sha256: str = field(repr=False)
    scopes: frozenset[KeyScope] = DEFAULT_SCOPES
    expires: date | None = None
    channels: frozenset[int] | None = None


def parse_key(entry: str) -> Key:
    """Parse an entry.

    Raises:
        ValueError: the entry is malformed. The message never shows it, because it may contain the key itself.
    """
    identity, *texts = entry.split()
    match = _IDENTITY.fullmatch(identity)
    if match is None:
        raise ValueError("each entry starts with name:sha256; create one with `python -m app key NAME`")
    fields = {name: text for name, _, text in (text.partition("=") for text in texts)}
    if len(fields) != len(texts) or not fields.keys() <= FIELDS:
        raise ValueError(f"after name:sha256, an entry may have each of {', '.join(sorted(FIELDS))} once")
    scopes, expires, channels = map(fields.get, ("scopes", "expires", "channels"))
    return Key(
        match["name"],
        match["sha256"],
        DEFAULT_SCOPES if scopes is None else _scopes(scopes),
        None if expires is None else _expires(expires),
        None if channels is None else _channels(channels),
    )


def parse_keys(source: str, entries: Iterable[tuple[int, str]]) -> tuple[Key, ...]:
    """Parse numbered entries.

    Args:
        source: the name of the setting and of its parts, for messages.
        entries: the number of each entry, and its text.

    Raises:
        ValueError: an entry is malformed. The message names the source and the number.
    """
    keys = []
    for number, entry in entries:
        try:
            keys.append(parse_key(entry))
        except ValueError as error:
            raise ValueError(f"{source} {number}: {error}") from None
    return tuple(keys)


def _scopes(text: str) -> frozenset[KeyScope]:
    if not set(text.split("+")) <= set(KeyScope):
        raise ValueError(f"scopes: expected some of {'+'.join(KeyScope)}")
    return frozenset(map(KeyScope, text.split("+")))


def _expires(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("expires: expected the last day in UTC, such as 2027-03-31") from None


def _channels(text: str) -> frozenset[int]:
    if not re.fullmatch(r"\d{1,3}(\+\d{1,3})*", text):
        raise ValueError("channels: expected indices from 0, such as 0+1")
    return frozenset(map(int, text.split("+")))
