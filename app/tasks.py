"""What a worker can be asked to do.

A task goes to the worker as JSON, and its answer comes back so: both are made of numbers, strings,
and lists of them. A recording goes beside the JSON as bytes; a call is too long for that, and stays
in a file.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Protocol, TypeVar

from app.core import call
from app.core.audio import Channel, decode, select_channel
from app.core.call import CallFormat
from app.core.channels import select_permitted
from app.core.recognition import Recognition
from app.core.recognizer import EmotionRecognizer
from app.core.segments import runs
from app.core.speech import SpeechDetector

Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker has.

    Attributes:
        recognizers: by the name of their bundle.
        detector: finds speech.
    """

    recognizers: Mapping[str, EmotionRecognizer]
    detector: SpeechDetector


class Task(Protocol[Answer_co]):
    """Something that a worker can do: a dataclass whose `data`, if any, are bytes."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    answer: ClassVar[type]
    """What `run` returns: a dataclass."""

    def run(self, tools: Tools) -> Answer_co:
        """Do it, in the worker."""


@dataclass(frozen=True, slots=True)
class Recognize:
    """Recognise one utterance.

    Attributes:
        data: the WAV or FLAC file.
        model: the name of the bundle.
        channel: which channel is analysed.
        min_seconds: the shortest recording accepted.
        max_seconds: the longest.
        permitted: channels that may be analysed; None permits all.
    """

    answer: ClassVar[type] = Recognition

    data: bytes
    model: str
    channel: Channel
    min_seconds: float
    max_seconds: float
    permitted: tuple[int, ...] | None = None

    def run(self, tools: Tools) -> Recognition:
        """From the file's bytes to the probabilities."""
        started = perf_counter()
        recording = decode(self.data, min_seconds=self.min_seconds, max_seconds=self.max_seconds)
        permitted = None if self.permitted is None else frozenset(self.permitted)
        chosen = select_permitted(recording, self.channel, permitted)
        decoded = perf_counter() - started
        recognition = tools.recognizers[self.model].recognize(chosen)
        return replace(recognition, seconds={"decode": decoded, **recognition.seconds}, scores=None)


@dataclass(frozen=True, slots=True)
class InspectCall:
    """Look at the header of a call.

    Attributes:
        path: the WAV or FLAC file.
        min_seconds: the shortest call accepted.
        max_seconds: the longest.
    """

    answer: ClassVar[type] = CallFormat

    path: str
    min_seconds: float
    max_seconds: float

    def run(self, _tools: Tools) -> CallFormat:
        """What it says."""
        return call.inspect(Path(self.path), min_seconds=self.min_seconds, max_seconds=self.max_seconds)


@dataclass(frozen=True, slots=True)
class Speech:
    """Where there is speech in a stretch of a call.

    Attributes:
        spans: for each channel the first and last-but-one frame of each run of speech, in frames of
            10 ms from the stretch's start.
    """

    spans: list[list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class DetectSpeech:
    """Find the speech in a stretch of a call.

    Attributes:
        path: the file.
        start: the first sample.
        stop: the first one after the stretch.
        channels: where to look.
    """

    answer: ClassVar[type] = Speech

    path: str
    start: int
    stop: int
    channels: tuple[int, ...]

    def run(self, tools: Tools) -> Speech:
        """Where it is."""
        signal = call.read(Path(self.path), self.start, self.stop)
        found = (tools.detector.detect(select_channel(signal, channel)) for channel in self.channels)
        return Speech([[(run.start, run.end) for run in runs(frames)] for frames in found])


@dataclass(frozen=True, slots=True)
class RecognizedSegment:
    """The answer for one segment, before any adaptation to its speaker.

    Attributes:
        probabilities: by label.
        logits: of each label, for the adaptation; None if the bundle does not adapt.
        offsets: of each label, for the adaptation; None if the bundle does not adapt.
    """

    probabilities: dict[str, float]
    logits: list[float] | None
    offsets: list[float] | None


@dataclass(frozen=True, slots=True)
class RecognizeSegment:
    """Recognize a segment of a call.

    Attributes:
        path: the file.
        start: the first sample.
        stop: the first one after the segment.
        channel: which channel is analyzed.
        model: the name of the bundle.
    """

    answer: ClassVar[type] = RecognizedSegment

    path: str
    start: int
    stop: int
    channel: int
    model: str

    def run(self, tools: Tools) -> RecognizedSegment:
        """From the file to the probabilities; the detector has found speech already."""
        signal = select_channel(call.read(Path(self.path), self.start, self.stop), self.channel)
        recognition = tools.recognizers[self.model].recognize_speech(signal)
        scores = recognition.scores
        return RecognizedSegment(
            recognition.probabilities or {},
            None if scores is None else list(scores.logits),
            None if scores is None else list(scores.offsets),
        )


TASKS: dict[str, type] = {
    cls.__name__: cls for cls in (Recognize, InspectCall, DetectSpeech, RecognizeSegment)
}
"""By the name that a message gives."""
