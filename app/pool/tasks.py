"""The tasks of a worker for an utterance and for a whole call, and the registry of all tasks."""

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from app.core import call
from app.core.audio import Channel, decode, select_channel
from app.core.call import CallFormat
from app.core.channels import ChannelPolicy
from app.core.containers import DEFAULT_FORMATS
from app.core.recognition import Recognition
from app.core.segments import runs
from app.core.stretches import detect_stretch
from app.pool.segment_tasks import RecognizeSamples, RecognizeSegment, SplitSamples, SplitSegment
from app.pool.task import WorkerContext


@dataclass(frozen=True, slots=True)
class Recognize:
    """The recognition of one utterance.

    Attributes:
        data: the bytes of the file.
        model: the name of the bundle.
        channel: the channel to analyze.
        min_seconds: the shortest accepted duration.
        max_seconds: the longest accepted duration.
        permitted: the permitted channels; None permits all.
        formats: the enabled formats.
    """

    answer: ClassVar[type] = Recognition

    data: bytes
    model: str
    channel: Channel
    min_seconds: float
    max_seconds: float
    permitted: tuple[int, ...] | None = None
    formats: tuple[str, ...] = DEFAULT_FORMATS

    def run(self, context: WorkerContext) -> Recognition:
        """Decode the file and recognize the utterance."""
        started = perf_counter()
        recording = decode(
            self.data, min_seconds=self.min_seconds, max_seconds=self.max_seconds, formats=self.formats
        )
        chosen = ChannelPolicy.of(self.permitted).select(recording, self.channel)
        decoded = perf_counter() - started
        recognition = context.recognizers[self.model].recognize(chosen)
        return replace(recognition, seconds={"decode": decoded, **recognition.seconds}, scores=None)


@dataclass(frozen=True, slots=True)
class InspectCall:
    """The inspection of the header of a call.

    Attributes:
        path: the path of the file.
        min_seconds: the shortest accepted duration.
        max_seconds: the longest accepted duration.
        formats: the enabled formats.
    """

    answer: ClassVar[type] = CallFormat

    path: str
    min_seconds: float
    max_seconds: float
    formats: tuple[str, ...] = DEFAULT_FORMATS

    def run(self, _context: WorkerContext) -> CallFormat:
        """Read the header."""
        return call.inspect(
            Path(self.path),
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            formats=self.formats,
        )


@dataclass(frozen=True, slots=True)
class DecodedPart:
    """A decoded part of a call.

    Attributes:
        data: the interleaved samples, PCM of 16 bits, little-endian.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class DecodePart:
    """The decoding of a part of a call for its copy.

    Attributes:
        path: the path of the file.
        n_channels: the number of channels.
        sampling_rate: the sampling rate of the copy, in Hz.
        n_samples: the number of samples of the copy in each channel.
        start: the start of the part, in seconds.
        stop: the end of the part, in seconds.
    """

    answer: ClassVar[type] = DecodedPart

    path: str
    n_channels: int
    sampling_rate: int
    n_samples: int
    start: int
    stop: int

    def run(self, _context: WorkerContext) -> DecodedPart:
        """Decode the part."""
        form = CallFormat(self.n_channels, self.sampling_rate, self.n_samples)
        return DecodedPart(call.decode_part(Path(self.path), form, self.start, self.stop))


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


TASKS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        Recognize,
        InspectCall,
        DecodePart,
        DetectSpeech,
        RecognizeSegment,
        RecognizeSamples,
        SplitSegment,
        SplitSamples,
    )
}
"""The tasks by the name in a message."""
