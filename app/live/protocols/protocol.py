"""The interface of a protocol, which translates the frames of a connection to messages and back."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.live.messages import ClientMessage, ErrorMessage, JournalMessage, Ready, WarningMessage


class Reply(NamedTuple):
    """A text frame that answers a frame of the client at once.

    Attributes:
        text: the frame.
    """

    text: str


class LiveProtocol(Protocol):
    """A protocol. An object translates the frames of one connection.

    Attributes:
        name: the name in metrics and logs.
        reconnects: whether a new connection can continue a session.
        key: the API key that the client sent in a message; None before, or if it did not.
        n_reordered: the number of messages so far that arrived after a later one.
        n_dropped: the number of messages so far that arrived twice, or too late.
    """

    name: str
    reconnects: bool
    key: str | None
    n_reordered: int
    n_dropped: int

    @property
    def awaits_close(self) -> bool:
        """Whether the client still answers the last message, before the connection is closed."""

    def read(self, frame: str | bytes) -> Sequence[ClientMessage | WarningMessage | Reply | bytes]:
        """Translate a frame of the client.

        Args:
            frame: the text or the binary content.

        Returns:
            The messages in order; bytes are audio, with interleaved channels. It can be empty.

        Raises:
            InvalidMessage: the frame cannot be understood.
        """

    def write(self, message: Ready | JournalMessage | ErrorMessage) -> Sequence[str]:
        """Translate a message of the service to text frames; empty if the client does not need it."""
