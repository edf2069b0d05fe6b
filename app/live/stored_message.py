"""A message of a live session in the database that the replicas share (`app.live.relay`)."""

from typing import NamedTuple

from app.live.connection import LiveError

INFO = 0
"""The sequence of the row that describes the session."""


class RelayUnavailable(LiveError):
    """The database of live messages cannot be reached."""


class StoredMessage(NamedTuple):
    """A message of a session.

    Attributes:
        sequence: the number of the message.
        type: its type.
        content: the message as JSON.
    """

    sequence: int
    type: str
    content: str
