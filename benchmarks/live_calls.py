"""Telephone calls for the benchmark of live calls, with the moment at which each segment is complete."""

import io
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import soundfile

from app.core.audio import Signal, decode, resample
from app.core.segments import Segmenter, Span
from app.core.speech import Samples, SpeechDetector
from app.core.stretches import ChannelDetector
from app.live.encoding import StreamDecoder
from testing.recordings import corpora
from training.data.call_builder import PAUSE, build_call
from training.data.codecs import TELEPHONE_RATE
from training.data.corpora import READERS, Utterance

MESSAGE = 0.02
"""Seconds of audio in a message, as telephones send it."""

MESSAGE_BYTES = round(MESSAGE * TELEPHONE_RATE)

TURN = 4.5
"""The minimum seconds of speech between two pauses. With the pauses of `build_call`, segments contain about
two fifths of a call."""

DECIBELS = 15.0
"""The ratio of speech to line noise, in dB."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A segment, and the moment at which it is certain.

    Attributes:
        start: the start of the segment in seconds.
        end: the end of the segment in seconds.
        message: the index of the message after which the detector may know the segment; the number of
            messages if only the end of the stream completes the segment.
    """

    start: float
    end: float
    message: int


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call of one channel.

    Attributes:
        audio: the samples at 8 kHz, mu-law.
        completions: the segments, in order.
    """

    audio: bytes
    completions: tuple[Completion, ...]

    @property
    def share(self) -> float:
        """The share of the call that segments contain."""
        spoken = sum(one.end - one.start for one in self.completions)
        return spoken * TELEPHONE_RATE / len(self.audio)

    def wav(self) -> bytes:
        """Return the call as a WAV file with the same bytes as samples."""
        file = io.BytesIO()
        samples = StreamDecoder("mulaw", 1).decode(self.audio)
        soundfile.write(file, samples.T, TELEPHONE_RATE, "ULAW", format="WAV")
        return file.getvalue()


def build_calls(n_calls: int, seconds: float) -> list[LiveCall]:
    """Build calls of different speakers, with a fixed seed.

    Args:
        n_calls: the number of calls.
        seconds: the duration of each call.
    """
    tables = sorted(corpora().glob("*/utterances.csv"))
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in (one for table in tables for one in READERS["csv"](table)):
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    speakers = np.random.default_rng(1).permutation(sorted(by_speaker)).tolist()
    voices = [by_speaker[speakers[number % len(speakers)]] for number in range(n_calls)]
    with ProcessPoolExecutor() as processes:
        return list(processes.map(_build, voices, range(n_calls), [seconds] * n_calls))


def messages(audio: bytes) -> list[bytes]:
    """Divide audio into messages."""
    return [audio[first : first + MESSAGE_BYTES] for first in range(0, len(audio), MESSAGE_BYTES)]


def complete(audio: bytes) -> tuple[Completion, ...]:
    """Find the segments of a stream, and the message that completes each of them.

    The detector receives one message after the other, so that each segment comes as early as it can.

    Args:
        audio: the samples at 8 kHz, mu-law.
    """
    decoder = StreamDecoder("mulaw", 1)
    detector, segmenter = ChannelDetector(SpeechDetector(), TELEPHONE_RATE), Segmenter()
    found: list[tuple[Span, int]] = []
    pieces = messages(audio)
    for number, piece in enumerate(pieces):
        frames = detector.push(decoder.decode(piece)[0])
        found += [(segment.span, number) for segment in segmenter.push(frames)]
    last = [*segmenter.push(detector.finish()), *segmenter.finish()]
    found += [(segment.span, len(pieces)) for segment in last]
    return tuple(Completion(span.start_seconds, span.end_seconds, number) for span, number in found)


def _build(voice: Sequence[Utterance], seed: int, seconds: float) -> LiveCall:
    """Build a call of one speaker."""
    random = np.random.default_rng(seed)
    n_turns = math.ceil(seconds / (TURN + sum(PAUSE) / 2)) + 1
    turns = [(number, turn) for number, turn in zip(range(n_turns), _turns(voice, random), strict=False)]
    signal = build_call([turns], random, decibels=DECIBELS).signal
    # The call is cut, or repeated if its random pauses are too short.
    samples = np.resize(signal.samples[0], round(seconds * TELEPHONE_RATE))
    file = io.BytesIO()
    soundfile.write(file, samples, TELEPHONE_RATE, "ULAW", format="RAW")
    audio = file.getvalue()
    return LiveCall(audio, complete(audio))


def _turns(voice: Sequence[Utterance], random: np.random.Generator) -> Iterator[Signal]:
    """Yield turns without end: utterances of a speaker in random order, joined without pauses."""
    parts: list[Samples] = []
    while True:
        for index in random.permutation(len(voice)).tolist():
            parts.append(resample(decode(voice[index].path.read_bytes()), TELEPHONE_RATE).samples[0])
            if sum(map(len, parts)) >= TURN * TELEPHONE_RATE:
                yield Signal(np.concatenate(parts)[np.newaxis], TELEPHONE_RATE)
                parts = []
