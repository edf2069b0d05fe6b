"""The protocols of live calls.

The first byte of an input selects the protocol. Then follow the frames, one on each line. A frame that begins
with a zero byte is binary.
"""

import json
from collections.abc import Callable, Iterator

from app.live.connection import InvalidMessage
from app.live.encoding import StreamDecoder
from app.live.messages import Closed, Start
from app.live.protocols.audiohook import AudioHook
from app.live.protocols.jambonz import Jambonz
from app.live.protocols.media_streams import MediaStreams
from app.live.protocols.native import Native
from app.live.protocols.protocol import LiveProtocol
from testing.audiohook import OPEN, Client

ERRORS = (InvalidMessage,)

PROTOCOLS: tuple[Callable[[], LiveProtocol], ...] = (
    Native,
    AudioHook,
    Jambonz,
    lambda: MediaStreams("twilio"),
)
_AUDIO = b"\0" + bytes(range(1, 9))


def seeds() -> Iterator[bytes]:
    """Yield a call of each protocol."""
    client = Client()
    hook = [client("open", **OPEN), client("ping"), client("paused"), client("resumed")]
    hook += [client("discarded", start="PT0S", discarded="PT0.5S"), client("close")]
    start = {
        "type": "start",
        "encoding": "mulaw",
        "sampling_rate": 8000,
        "channels": 2,
        "roles": ["agent", "customer"],
        "speakers": "auto",
        "metadata": {"queue": "sales"},
        "callback": {"url": "https://example.org", "events": ["segment"]},
    }
    native = [json.dumps(start), *(json.dumps({"type": name}) for name in ("pause", "resume", "stop"))]
    jambonz = {"callSid": "1", "sampleRate": 8000, "mixType": "stereo", "metadata": {"analyze": "0,1"}}
    calls = (
        (native[0].encode(), _AUDIO, *map(str.encode, native[1:])),
        (hook[0].encode(), _AUDIO, *map(str.encode, hook[1:])),
        (json.dumps(jambonz).encode(), _AUDIO),
        tuple(json.dumps(message).encode() for message in _media_streams()),
    )
    for number, frames in enumerate(calls):
        yield bytes((number,)) + b"\n".join(frames)


def _media_streams() -> Iterator[dict[str, object]]:
    """Yield the messages of a call of Media Streams, the last two of them in the wrong order."""
    form = {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1}
    parameters = {"byte_order": "big", "key": "secret", "callback": "https://example.org"}
    start = {"callSid": "1", "tracks": ["inbound", "outbound"], "mediaFormat": form}
    yield {"event": "connected"}
    yield {"event": "start", "sequenceNumber": "1", "start": {**start, "customParameters": parameters}}
    for number, track in ((3, "outbound"), (2, "inbound")):
        media = {"track": track, "timestamp": "20", "payload": "AAABAA=="}
        yield {"event": "media", "sequenceNumber": str(number), "media": media}
    yield {"event": "stop", "sequenceNumber": "4"}


def run(data: bytes) -> None:
    """Translate the frames of a connection, and decode their audio."""
    if not data:
        return
    protocol = PROTOCOLS[data[0] % len(PROTOCOLS)]()
    decoder: StreamDecoder | None = None
    for frame in data[1:].split(b"\n"):
        for item in protocol.read(_frame(frame)):
            if isinstance(item, Start):
                decoder = StreamDecoder(item.encoding, item.channels)
            elif isinstance(item, bytes) and decoder is not None:
                decoder.decode(item)
    protocol.write(Closed(reason="stopped"))


def _frame(data: bytes) -> str | bytes:
    """Return a text or a binary frame. The server refuses text that is not UTF-8."""
    if data.startswith(b"\0"):
        return data[1:]
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
