"""The native protocol of the service: text frames are messages as JSON, binary frames are audio."""

from collections.abc import Sequence

from app.live.messages import CLIENT_MESSAGE, ClientMessage, ErrorMessage, JournalMessage, Ready
from app.live.protocols.parsing import parse


class Native:
    r"""The native protocol, with the attributes and methods of `LiveProtocol`.

    Example:
        >>> Native().read('{"type": "stop"}')
        [Stop(type='stop')]
        >>> Native().read(b"\x00\x01")
        [b'\x00\x01']
    """

    name = "native"
    reconnects = True
    awaits_close = False
    key: str | None = None
    n_reordered = 0
    n_dropped = 0

    def read(self, frame: str | bytes) -> Sequence[ClientMessage | bytes]:
        """Translate a frame of the client."""
        if isinstance(frame, bytes):
            return [frame]
        return [parse(CLIENT_MESSAGE, frame)]

    def write(self, message: Ready | JournalMessage | ErrorMessage) -> Sequence[str]:
        """Translate a message of the service."""
        return [message.model_dump_json()]
