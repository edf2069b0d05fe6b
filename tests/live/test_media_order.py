"""The order of Media Streams: late, repeated and missing audio."""

import base64

import numpy as np
import pytest

from app.live.encoding import SILENCE
from app.live.messages import Stop, WarningMessage
from app.live.protocols.media_streams import REACH, MediaStreams
from testing.media_streams import (
    CONNECTED,
    DTMF,
    END,
    PLIVO,
    TWILIO,
    audio_of,
    media,
    messages_of,
    translate,
)


def random_call(seed: int) -> tuple[np.random.Generator, bytes]:
    random = np.random.default_rng(seed)
    return random, random.bytes(2 * 8 * 2_000)  # 2 s


@pytest.mark.parametrize("seed", range(10))
def test_reordered_and_repeated_messages_give_the_same_samples(seed: int) -> None:
    random, raw = random_call(seed)
    sent = messages_of(raw, random)
    order = np.argsort(np.arange(len(sent)) + random.uniform(0, 2 * REACH, len(sent)))
    order = np.insert(order, random.integers(0, len(sent), 5), random.choice(order, 5))
    protocol = MediaStreams("twilio")
    items = translate(CONNECTED, TWILIO, *(sent[i] for i in order), END, protocol=protocol)
    assert audio_of(items) == raw
    assert isinstance(items[-1], Stop)
    assert not [item for item in items if isinstance(item, WarningMessage)]
    assert protocol.n_reordered > 10
    assert protocol.n_dropped == 5


@pytest.mark.parametrize("seed", range(5))
def test_silence_takes_the_place_of_missing_messages(seed: int) -> None:
    random, raw = random_call(seed)
    sent = messages_of(raw, random)
    lost = set(random.choice(np.arange(1, len(sent) - 10), 8, replace=False).tolist())
    expected = bytearray(raw)
    for i in lost:
        one = sent[i]["media"]
        channel = 0 if one["track"] == "inbound" else 1
        start, size = int(one["timestamp"]) * 8, len(base64.b64decode(one["payload"]))
        expected[2 * start + channel : 2 * (start + size) : 2] = SILENCE["mulaw"] * size
    items = translate(TWILIO, *(one for i, one in enumerate(sent) if i not in lost), END)
    assert audio_of(items) == bytes(expected)
    assert [item.code for item in items if isinstance(item, WarningMessage)] == ["audio-missing"]


def test_a_message_that_comes_too_late_is_dropped() -> None:
    _, raw = random_call(0)
    sent = messages_of(raw)
    protocol = MediaStreams("twilio")
    late = [*sent[:10], *sent[11:60], sent[10], *sent[60:]]
    assert len(audio_of(translate(TWILIO, *late, END, protocol=protocol))) == len(raw)
    assert protocol.n_dropped == 1


def test_messages_without_audio_keep_the_order() -> None:
    one, two = media(2, "inbound", 0, b"a" * 160), media(4, "inbound", 20, b"b" * 160)
    mark = {"event": "mark", "sequenceNumber": "3", "mark": {"name": "label"}}
    start = {**TWILIO, "start": {**TWILIO["start"], "tracks": ["inbound"]}}
    items = translate(start, one, mark, two, DTMF, {"event": "unknown"})
    assert items[1:] == [b"a" * 160, b"b" * 160]


def test_silence_takes_the_place_of_a_track_that_lags_until_it_arrives() -> None:
    sent = [media(number, "inbound", 20 * number, b"a" * 160) for number in range(2, 102)]  # 2 s
    late = media(102, "outbound", 2_040, b"b" * 160)
    too_late = media(103, "outbound", 2_060, b"c" * 160)
    items = translate(TWILIO, *sent, late, too_late, END)
    audio = audio_of(items)
    assert audio[::2] == b"a" * 16_000 + SILENCE["mulaw"] * 320
    assert audio[1::2] == SILENCE["mulaw"] * 16_000 + b"b" * 160 + b"c" * 160


def test_audio_that_comes_after_its_silence_is_dropped_and_counted() -> None:
    protocol = MediaStreams("twilio")
    ahead = [media(number, "inbound", 20 * (number - 2), b"a" * 160) for number in range(2, 102)]  # 2 s
    behind = [media(102 + i, "outbound", 20 * i, bytes([i]) * 160) for i in range(100)]
    audio = audio_of(translate(TWILIO, *ahead, protocol=protocol))
    assert len(audio) == 2 * 12_000
    audio += audio_of(translate(*behind, END, protocol=protocol))
    assert audio[::2] == b"a" * 16_000
    assert audio[1::2] == SILENCE["mulaw"] * 12_000 + b"".join(bytes([i]) * 160 for i in range(75, 100))
    assert protocol.n_dropped == 75


def test_the_time_of_the_day_with_jitter_gives_no_gaps() -> None:
    random, raw = random_call(1)
    start = {**PLIVO, "start": {**PLIVO["start"], "mediaFormat": TWILIO["start"]["mediaFormat"]}}
    now = 1_705_312_200_000
    sent = [
        media(2 + i, "inbound", now + 20 * i + int(random.integers(0, 40)), raw[160 * i : 160 * (i + 1)])
        for i in range(100)
    ]
    assert audio_of(translate(start, *sent, END)) == raw[:16_000]
