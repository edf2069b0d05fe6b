"""The tasks of a worker.

Tasks and answers travel as JSON: they consist of numbers, strings, and lists of them. The bytes of a
recording travel beside the JSON. A call is too long for a message and stays in a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, replace
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from app.core import call
from app.core.audio import Channel, Signal, decode, resample, select_channel
from app.core.call import CallFormat
from app.core.channels import ChannelPolicy
from app.core.loudness import loudness_of
from app.core.pitch import pitch_of
from app.core.recognition import Recognition
from app.core.recognizer import EmotionRecognizer
from app.core.segments import Span, runs
from app.core.speaker_changes import find_parts
from app.core.speaker_encoder import SpeakerEncoder
from app.core.speech import SAMPLING_RATE, SpeechDetector
from app.core.stretches import detect_stretch

Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Resources that each worker loads once.

    Attributes:
        recognizers: the recognizers by the name of their bundle.
        detector: the speech detector.
    """

    recognizers: Mapping[str, EmotionRecognizer]
    detector: SpeechDetector


class Task(Protocol[Answer_co]):
    """A task of a worker: a dataclass. Its field `data`, if present, holds bytes."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    answer: ClassVar[type]
    """The dataclass that `run` returns."""

    def run(self, context: WorkerContext) -> Answer_co:
        """Run the task in the worker."""


@dataclass(frozen=True, slots=True)
class Recognize:
    """The recognition of one utterance.

    Attributes:
        data: the bytes of the WAV or FLAC file.
        model: the name of the bundle.
        channel: the channel to analyze.
        min_seconds: the shortest accepted duration.
        max_seconds: the longest accepted duration.
        permitted: the permitted channels; None permits all.
    """

    answer: ClassVar[type] = Recognition

    data: bytes
    model: str
    channel: Channel
    min_seconds: float
    max_seconds: float
    permitted: tuple[int, ...] | None = None

    def run(self, context: WorkerContext) -> Recognition:
        """Decode the file and recognize the utterance."""
        started = perf_counter()
        recording = decode(self.data, min_seconds=self.min_seconds, max_seconds=self.max_seconds)
        chosen = ChannelPolicy.of(self.permitted).select(recording, self.channel)
        decoded = perf_counter() - started
        recognition = context.recognizers[self.model].recognize(chosen)
        return replace(recognition, seconds={"decode": decoded, **recognition.seconds}, scores=None)


@dataclass(frozen=True, slots=True)
class InspectCall:
    """The inspection of the header of a call.

    Attributes:
        path: the path of the WAV or FLAC file.
        min_seconds: the shortest accepted duration.
        max_seconds: the longest accepted duration.
    """

    answer: ClassVar[type] = CallFormat

    path: str
    min_seconds: float
    max_seconds: float

    def run(self, _context: WorkerContext) -> CallFormat:
        """Read the header."""
        return call.inspect(Path(self.path), min_seconds=self.min_seconds, max_seconds=self.max_seconds)


@dataclass(frozen=True, slots=True)
class Speech:
    """The speech in a stretch of a call.

    Attributes:
        spans: for each channel, the start and the exclusive end of each run of speech, in frames of 10 ms
            from the run-in of the stretch.
    """

    spans: list[list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class DetectSpeech:
    """The detection of speech in a stretch of a call.

    Attributes:
        path: the path of the file.
        start: the first sample of the history of the stretch.
        run_in: the first sample of its run-in.
        stop: the first sample after the stretch.
        channels: the channels to search.
    """

    answer: ClassVar[type] = Speech

    path: str
    start: int
    run_in: int
    stop: int
    channels: tuple[int, ...]

    def run(self, context: WorkerContext) -> Speech:
        """Detect the speech."""
        signal = call.read(Path(self.path), self.start, self.stop)
        speech = (
            detect_stretch(context.detector, select_channel(signal, channel), self.run_in - self.start)
            for channel in self.channels
        )
        return Speech([[(run.start, run.end) for run in runs(frames)] for frames in speech])


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


TASKS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        Recognize,
        InspectCall,
        DetectSpeech,
        RecognizeSegment,
        RecognizeSamples,
        SplitSegment,
        SplitSamples,
    )
}
"""The tasks by the name in a message."""
