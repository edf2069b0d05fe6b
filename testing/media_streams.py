"""Messages of Media Streams, as Twilio, Telnyx and Plivo send them."""

import base64
import json
from typing import Any

import numpy as np

from app.live.protocols.media_streams import MediaStreams
from testing.live_client import Message

CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
TWILIO: Message = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "callSid": "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "key": "secret", "analyze": "0,1"},
    },
    "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
}
TELNYX: Message = {
    "event": "start",
    "sequence_number": "1",
    "stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
    "start": {
        "user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
        "call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"key": "secret", "tracks": "both"},
        "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
    },
}
PLIVO: Message = {
    "event": "start",
    "sequenceNumber": 1,
    "start": {
        "callId": "12345678-1234-1234-1234-123456789abc",
        "streamId": "87654321-4321-4321-4321-cba987654321",
        "accountId": "MAXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000},
    },
    "extra_headers": "key=secret;interim_interval=3",
}
DTMF = {"event": "dtmf", "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}}
END = {"event": "stop", "sequenceNumber": "99999", "stop": {"callSid": "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"}}


def media(number: int, track: str, milliseconds: int, data: bytes) -> Message:
    """Return a message as Twilio sends it."""
    return {
        "event": "media",
        "sequenceNumber": str(number),
        "media": {
            "track": track,
            "chunk": "1",
            "timestamp": str(milliseconds),
            "payload": base64.b64encode(data).decode(),
        },
    }


def messages_of(raw: bytes, random: np.random.Generator | None = None) -> list[Message]:
    """Cut interleaved samples into messages of 20 ms, or of 1 to 50 ms, in the order of their time."""
    pieces = []
    for channel, track in enumerate(("inbound", "outbound")):
        data, start = raw[channel::2], 0
        while start < len(data):
            size = 160 if random is None else 8 * int(random.integers(1, 51))
            pieces.append((start // 8, track, data[start : start + size]))
            start += size
    pieces.sort(key=lambda piece: piece[0])
    return [media(number, track, time, data) for number, (time, track, data) in enumerate(pieces, 2)]


def translate(*frames: Message, protocol: MediaStreams | None = None) -> list[Any]:
    """Return everything that an adapter makes of messages."""
    protocol = protocol or MediaStreams("twilio")
    return [item for frame in frames for item in protocol.read(json.dumps(frame))]


def audio_of(items: list[Any]) -> bytes:
    return b"".join(item for item in items if isinstance(item, bytes))
