"""The journal of a session: its messages in order, for any number of readers.

A reader follows the journal at its own speed and has no queue. So a slow reader needs no memory, and a reader
that was away continues after the last message that it received.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator

from app.core.errors import SpeechEmotionError
from app.live.messages import InterimMessage, JournalMessage, SegmentMessage


class Journal:
    """The messages of a session.

    Example:
        >>> from app.live.messages import Closed
        >>> journal = Journal()
        >>> journal.add(Closed(reason="stopped"))
        >>> journal.end()
        >>> async def read() -> list[int]:
        ...     return [message.sequence async for message in journal.follow()]
        >>> asyncio.run(read())
        [1]
    """

    def __init__(self) -> None:
        """Start without messages."""
        self._messages: list[JournalMessage] = []
        self._last = 0
        self._ended = False
        self._error: SpeechEmotionError | None = None
        self._changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether no message follows."""
        return self._ended

    def add(self, message: JournalMessage) -> None:
        """Append a message, and number it. A segment replaces the interim answers of its channel."""
        self._last += 1
        message.sequence = self._last
        if isinstance(message, SegmentMessage):
            self._messages = [
                one
                for one in self._messages
                if not isinstance(one, InterimMessage) or one.channel != message.channel
            ]
        self._messages.append(message)
        self._wake()

    def end(self, error: SpeechEmotionError | None = None) -> None:
        """End the journal. Give the error if the session failed."""
        self._ended, self._error = True, error
        self._wake()

    async def follow(self, after: int = 0) -> AsyncIterator[JournalMessage]:
        """Yield the messages after a number, and wait for further ones until the end.

        Raises:
            SpeechEmotionError: the session failed.
        """
        while True:
            changed = self._changed
            index = bisect_right(self._messages, after, key=lambda message: message.sequence)
            if index < len(self._messages):
                message = self._messages[index]
                after = message.sequence
                yield message
            elif not self._ended:
                await changed.wait()
            elif self._error is not None:
                raise self._error
            else:
                return

    def _wake(self) -> None:
        """Wake the readers that wait."""
        self._changed.set()
        self._changed = asyncio.Event()
