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
        """The number of samples before the kept ones."""

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
        """The start of the incomplete segment, in seconds; None without a segment that is certain."""
        start = self._segmenter.open_since
        return None if start is None else round(start * FRAME, 2)

    def push(self, samples: Samples) -> list[SegmentAudio]:
        """Add samples, and return the segments that are complete now."""
        self._samples = np.concatenate([self._samples, samples])
        return self._taken(self._segmenter.push(self._detector.push(samples)))

    def finish(self) -> list[SegmentAudio]:
        """Return the last segments after the last sample."""
        last = self._segmenter.push(self._detector.finish())
        return self._taken([*last, *self._segmenter.finish()])

    def open_segment(self) -> SegmentAudio | None:
        """Return the incomplete segment up to the last sample; None without one that is certain."""
        start = self._segmenter.open_since
        if start is None:
            return None
        context = max(start - round(CONTEXT / FRAME), 0)
        samples = self._samples[max(self._place(context) - self._first, 0) :].copy()
        span = Span(start, count_frames(self.n_samples, self._sampling_rate))
        return SegmentAudio(SpeechSegment(span, Span(context, span.end), (span,)), samples)

    def _taken(self, segments: list[SpeechSegment]) -> list[SegmentAudio]:
        """Return segments with their samples, and forget the samples that no segment needs."""
        taken = [
            SegmentAudio(
                segment,
                self._samples[
                    self._place(segment.context.start) - self._first : self._place(segment.context.end)
                    - self._first
                ].copy(),
            )
            for segment in segments
        ]
        needed = self._segmenter.earliest_start
        forgotten = max(self._place(max(needed - round(CONTEXT / FRAME), 0)) - self._first, 0)
        if forgotten > self._sampling_rate:  # not for every message, since the rest is copied
            self._samples, self._first = self._samples[forgotten:].copy(), self._first + forgotten
        return taken

    def _place(self, frame: int) -> int:
        """Return the first sample of a frame."""
        return round(frame * FRAME * self._sampling_rate)
