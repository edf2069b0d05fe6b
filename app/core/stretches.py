"""Speech detection in one stretch of a call at a time, so that long calls fit into memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.segments import FRAME, Frames, Span

STRETCH = 30.0
"""Duration of a stretch in seconds."""

RUN_IN = 1.0
"""Seconds before a stretch that the detector also receives, so that its state settles."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call. All times are seconds from the start of the call.

    Attributes:
        heard_from: the start of the input of the detector.
        start: the start of the stretch; findings before this time are discarded.
        end: the end of the stretch.
    """

    heard_from: float
    start: float
    end: float

    def samples(self, sampling_rate: int) -> slice:
        """Return the samples of the call that the detector receives."""
        return slice(round(self.heard_from * sampling_rate), round(self.end * sampling_rate))


def stretches(duration: float) -> list[Stretch]:
    """Divide a call into stretches.

    Args:
        duration: the duration of the call, in seconds.
    """
    starts = np.arange(0, duration, STRETCH).tolist()
    return [Stretch(max(start - RUN_IN, 0.0), start, min(start + STRETCH, duration)) for start in starts]


def join(found: Sequence[Sequence[Span]], duration: float) -> Frames:
    """Combine the speech found in the stretches of a channel.

    Args:
        found: the runs of speech in each of `stretches(duration)`, in frames from its `heard_from`.
        duration: the duration of the call, in seconds.

    Returns:
        Whether each frame of 10 ms of the call contains speech.
    """
    frames = np.zeros(int(duration / FRAME) + 1, np.bool_)
    for stretch, spans in zip(stretches(duration), found, strict=True):
        heard_from, start = round(stretch.heard_from / FRAME), round(stretch.start / FRAME)
        for span in spans:
            frames[max(heard_from + span.start, start) : heard_from + span.end] = True
    return frames
