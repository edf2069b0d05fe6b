"""The tasks of a worker for a segment of a call or of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from app.core import call
from app.core.audio import Signal, resample, select_channel
from app.core.loudness import loudness_of
from app.core.pitch import pitch_of
from app.core.segments import Span
from app.core.speaker_changes import find_parts
from app.core.speaker_encoder import SpeakerEncoder
from app.core.speech import SAMPLING_RATE
from app.pool.task import WorkerContext


@dataclass(frozen=True, slots=True)
class RecognizedSegment:
    """The answer for one segment, before any adaptation to its speaker.

    Attributes:
        probabilities: the probability of each label.
        logits: the logit of each label, for the adaptation; None if the bundle does not adapt.
        offsets: the offset of each label, for the adaptation; None if the bundle does not adapt.
        loudness: the level of the speech, in dBov; None if it is unknown.
        pitch: the 10th, 50th and 90th percentile of F0, in Hz; None if too little speech is voiced.
    """

    probabilities: dict[str, float]
    logits: list[float] | None
    offsets: list[float] | None
    loudness: float | None = None
    pitch: list[float] | None = None


@dataclass(frozen=True, slots=True)
class RecognizeSegment:
    """The recognition of a segment of a call.

    Attributes:
        path: the path of the file.
        start: the first sample of the segment.
        stop: the first sample after the segment.
        channel: the channel to analyze.
        model: the name of the bundle.
    """

    answer: ClassVar[type] = RecognizedSegment

    path: str
    start: int
    stop: int
    channel: int
    model: str

    def run(self, context: WorkerContext) -> RecognizedSegment:
        """Read and recognize the segment, in which the detector has already found speech."""
        signal = select_channel(call.read(Path(self.path), self.start, self.stop), self.channel)
        return _recognize(signal, self.model, context)


@dataclass(frozen=True, slots=True)
class RecognizeSamples:
    """The recognition of a segment of a stream.

    Attributes:
        data: the samples of one channel, float32, little-endian.
        sampling_rate: the sampling rate, in Hz.
        model: the name of the bundle.
    """

    answer: ClassVar[type] = RecognizedSegment

    data: bytes
    sampling_rate: int
    model: str

    def run(self, context: WorkerContext) -> RecognizedSegment:
        """Recognize the segment."""
        samples = np.frombuffer(self.data, "<f4").astype(np.float32)
        return _recognize(Signal(samples[np.newaxis], self.sampling_rate), self.model, context)


@dataclass(frozen=True, slots=True)
class SegmentParts:
    """The parts of a segment with one speaker each.

    Attributes:
        parts: for each part, its start and its exclusive end in frames of 10 ms from the first sample of the
            task, and the embedding of its voice.
    """

    parts: list[tuple[int, int, list[float]]]


@dataclass(frozen=True, slots=True)
class SplitSegment:
    """The search for changes of speaker in a segment of a call.

    Attributes:
        path: the path of the file.
        start: the first sample of the segment.
        stop: the first sample after the segment.
        channel: the channel to analyze.
        spoken: the start and the exclusive end of each run of speech, in frames of 10 ms from `start`.
    """

    answer: ClassVar[type] = SegmentParts

    path: str
    start: int
    stop: int
    channel: int
    spoken: tuple[tuple[int, int], ...]

    def run(self, _context: WorkerContext) -> SegmentParts:
        """Read and split the segment."""
        signal = select_channel(call.read(Path(self.path), self.start, self.stop), self.channel)
        return _split(signal, self.spoken)


@dataclass(frozen=True, slots=True)
class SplitSamples:
    """The search for changes of speaker in a segment of a stream.

    Attributes:
        data: the samples of one channel, float32, little-endian.
        sampling_rate: the sampling rate, in Hz.
        spoken: the start and the exclusive end of each run of speech, in frames of 10 ms from the first
            sample.
    """

    answer: ClassVar[type] = SegmentParts

    data: bytes
    sampling_rate: int
    spoken: tuple[tuple[int, int], ...]

    def run(self, _context: WorkerContext) -> SegmentParts:
        """Split the segment."""
        samples = np.frombuffer(self.data, "<f4").astype(np.float32)
        return _split(Signal(samples[np.newaxis], self.sampling_rate), self.spoken)


def _split(signal: Signal, spoken: Sequence[tuple[int, int]]) -> SegmentParts:
    """Find the parts of a segment with one speaker each."""
    runs_of_speech = [Span(*edges) for edges in spoken]
    parts = find_parts(resample(signal, SAMPLING_RATE), runs_of_speech, _speaker_encoder())
    return SegmentParts([(part.span.start, part.span.end, part.voice.tolist()) for part in parts])


@cache
def _speaker_encoder() -> SpeakerEncoder:
    """Load the encoder of voices, once per process that needs it."""
    return SpeakerEncoder()


def _recognize(signal: Signal, model: str, context: WorkerContext) -> RecognizedSegment:
    """Recognize a segment, in which the detector has already found speech, and measure its voice."""
    recognition = context.recognizers[model].recognize_speech(signal)
    scores = recognition.scores
    pitch = pitch_of(signal)
    return RecognizedSegment(
        recognition.probabilities or {},
        None if scores is None else list(scores.logits),
        None if scores is None else list(scores.offsets),
        loudness_of(signal),
        None if pitch is None else [pitch.low, pitch.median, pitch.high],
    )
