"""Looking for speech in one stretch of a call after the other, so that no call is too long for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.segments import FRAME, Frames, Span

STRETCH = 30.0
"""Seconds in which speech is looked for at a time."""

RUN_IN = 1.0
"""Seconds before a stretch that the detector hears first, to settle."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call. All in seconds from the start of the call.

    Attributes:
        heard_from: where the detector begins to listen.
        start: from where on its findings count.
        end: up to where.
    """

    heard_from: float
    start: float
    end: float

    def samples(self, sampling_rate: int) -> slice:
        """Which samples of the call the detector hears."""
        return slice(round(self.heard_from * sampling_rate), round(self.end * sampling_rate))


def stretches(duration: float) -> list[Stretch]:
    """Part a call.

    Args:
        duration: of the call, in seconds.
    """
    starts = np.arange(0, duration, STRETCH).tolist()
    return [Stretch(max(start - RUN_IN, 0.0), start, min(start + STRETCH, duration)) for start in starts]


def join(found: Sequence[Sequence[Span]], duration: float) -> Frames:
    """Put together what was found in each stretch of a channel.

    Args:
        found: the runs of speech in each of `stretches(duration)`, counted from where it is heard.
        duration: of the call, in seconds.

    Returns:
        Whether there is speech, for each 10 ms of the call.
    """
    frames = np.zeros(int(duration / FRAME) + 1, np.bool_)
    for stretch, spans in zip(stretches(duration), found, strict=True):
        heard_from, start = round(stretch.heard_from / FRAME), round(stretch.start / FRAME)
        for span in spans:
            frames[max(heard_from + span.start, start) : heard_from + span.end] = True
    return frames
