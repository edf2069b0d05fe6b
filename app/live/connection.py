"""The connection of a client, as a session uses it."""

from typing import Protocol

from app.core.errors import SpeechEmotionError
from app.live.messages import ClientMessage, JournalMessage, Ready, WarningMessage


class LiveError(SpeechEmotionError):
    """A live session is refused or ended."""


class InvalidMessage(LiveError):
    """A message of the client cannot be understood, or came at the wrong time."""


class SessionIdle(LiveError):
    """The client sent nothing for too long."""


class SessionReplaced(LiveError):
    """Another connection continues the session."""


class ConnectionLost(Exception):  # not an error of the service or of its caller
    """The client has left, or does not read."""


class ConnectionClosed(ConnectionLost):
    """The client has closed the connection in order, so that it will not continue the session."""


class Interrupted(Exception):  # not an error
    """The session needs the attention of the code that waits for the client."""


class Connection(Protocol):
    """The connection of a client."""

    async def receive(self, *, idle: bool = False) -> ClientMessage | WarningMessage | bytes:
        """Receive a message, or audio.

        Args:
            idle: whether the client may be silent for any time.

        Raises:
            SessionIdle: nothing arrived for too long.
            InvalidMessage: the message cannot be understood.
            ConnectionLost: the client has left; `ConnectionClosed` if it will not come back.
            Interrupted: `interrupt` was called.
        """

    async def wait(self, seconds: float) -> None:
        """Wait without receiving.

        Raises:
            Interrupted: `interrupt` was called.
        """

    async def send(self, message: Ready | JournalMessage) -> None:
        """Send a message.

        Raises:
            ConnectionLost: the client has left, or does not read.
        """

    def interrupt(self) -> None:
        """End the present or the next `receive` or `wait`."""
