"""One channel of a stream: speech, segments and their samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.segments import CONTEXT, FRAME, Segmenter, Span, SpeechSegment, count_frames
from app.core.speech import SpeechDetector
from app.core.stretches import ChannelDetector

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SegmentAudio:
    """A complete segment.

    Attributes:
        segment: the segment and its context.
        samples: its samples with context, float32, shape (n,).
    """

    segment: SpeechSegment
    samples: Samples


class LiveChannel:
    """A channel of a stream, which keeps the samples that its next segments need.

    Not thread-safe. The segments and their samples are those of the recording of the stream, and do not
    depend on the way in which the samples are divided.
    """

    def __init__(self, detector: SpeechDetector, sampling_rate: int) -> None:
        """Start before the first sample.

        Args:
            detector: the detector, which the channels of a thread may share.
            sampling_rate: the sampling rate, in Hz.
        """
        self._sampling_rate = sampling_rate
        self._detector = ChannelDetector(detector, sampling_rate)
        self._segmenter = Segmenter()
        self._samples = np.zeros(0, np.float32)
        self._first = 0
        """The number of samples that were dropped before `_samples`."""

    @property
    def n_samples(self) -> int:
        """The number of samples so far."""
        return self._first + len(self._samples)

    @property
    def n_seconds(self) -> float:
        """The duration so far, in seconds."""
        return self.n_samples / self._sampling_rate

    @property
    def open_since(self) -> float | None:
        """The start of the incomplete segment, in seconds; None if none is certain to exist."""
        start = self._segmenter.open_since
        return None if start is None else round(start * FRAME, 2)

    def push(self, samples: Samples) -> list[SegmentAudio]:
        """Add samples, and return the segments that are complete now."""
        self._samples = np.concatenate([self._samples, samples])
        return self._with_samples(self._segmenter.push(self._detector.push(samples)))

    def finish(self) -> list[SegmentAudio]:
        """Return the last segments after the last sample."""
        last = self._segmenter.push(self._detector.finish())
        return self._with_samples([*last, *self._segmenter.finish()])

    def open_segment(self) -> SegmentAudio | None:
        """Return the incomplete segment up to the last sample; None if none is certain to exist."""
        start = self._segmenter.open_since
        if start is None:
            return None
        context = max(start - round(CONTEXT / FRAME), 0)
        samples = self._samples[max(self._index(context), 0) :].copy()
        span = Span(start, count_frames(self.n_samples, self._sampling_rate))
        return SegmentAudio(SpeechSegment(span, Span(context, span.end), (span,)), samples)

    def _with_samples(self, segments: list[SpeechSegment]) -> list[SegmentAudio]:
        """Return segments with their samples, and drop the samples that no segment needs."""
        found = [SegmentAudio(segment, self._between(segment.context)) for segment in segments]
        needed = max(self._segmenter.earliest_start - round(CONTEXT / FRAME), 0)
        n_dropped = max(self._index(needed), 0)
        if n_dropped > self._sampling_rate:  # not for every message, since the other samples are copied
            self._samples, self._first = self._samples[n_dropped:].copy(), self._first + n_dropped
        return found

    def _between(self, span: Span) -> Samples:
        """Copy the samples of a span."""
        return self._samples[self._index(span.start) : self._index(span.end)].copy()

    def _index(self, frame: int) -> int:
        """Return the index in `_samples` of the first sample of a frame."""
        return round(frame * FRAME * self._sampling_rate) - self._first
