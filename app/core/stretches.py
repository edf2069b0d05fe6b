"""Speech detection in stretches of a call.

The stretches of a recording are independent, so that several workers can detect its speech, and long calls
fit into memory. A live stream is divided into the same stretches, so that it has the same speech.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.segments import FRAME, Frames, Span, count_frames, runs
from app.core.speech import Samples, SpeechDetector

STRETCH = 30
"""Duration of a stretch in seconds."""

RUN_IN = 1
"""Seconds before a stretch that the detector also receives, so that its state settles."""

HISTORY = 30
"""Maximum seconds before the input of the detector that give the background."""

PER_SECOND = 25
"""The number of powers in a second of the history. Not tuned."""

BACKGROUND = 10
"""The percentile of the powers that is the background."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call. All times are seconds from the start of the call.

    Attributes:
        history: the start of the samples that give the background.
        run_in: the start of the input of the detector.
        start: the start of the stretch; speech before this time belongs to the previous stretch.
        end: the end of the stretch.
    """

    history: int
    run_in: int
    start: int
    end: float


def stretches(duration: float) -> list[Stretch]:
    """Divide a call into stretches.

    Args:
        duration: the duration of the call, in seconds.
    """
    starts = range(0, int(np.ceil(duration)), STRETCH)
    return [
        Stretch(
            max(start - RUN_IN - HISTORY, 0), max(start - RUN_IN, 0), start, min(start + STRETCH, duration)
        )
        for start in starts
    ]


def detect_stretch(detector: SpeechDetector, signal: Signal, n_history: int) -> Frames:
    """Detect the speech of a stretch.

    Args:
        detector: the detector.
        signal: one channel, from the history of the stretch to its end.
        n_history: the number of samples of the history.

    Returns:
        Whether each frame from the run-in contains speech.
    """
    history, samples = np.split(signal.samples, [n_history], axis=1)
    seconds = history[0].reshape(-1, signal.sampling_rate)
    background = _background([_powers(second) for second in seconds])
    return detector.detect(Signal(samples, signal.sampling_rate), background)


def join(found: Sequence[Sequence[Span]], n_samples: int, sampling_rate: int) -> Frames:
    """Combine the speech found in the stretches of a channel.

    Args:
        found: the runs of speech in each of the stretches of the call, in frames from its run-in.
        n_samples: the number of samples of the call.
        sampling_rate: the sampling rate, in Hz.

    Returns:
        Whether each complete frame of the call contains speech.
    """
    frames = np.zeros(count_frames(n_samples, sampling_rate), np.bool_)
    for stretch, spans in zip(stretches(n_samples / sampling_rate), found, strict=True):
        run_in, start = round(stretch.run_in / FRAME), round(stretch.start / FRAME)
        for span in spans:
            frames[max(run_in + span.start, start) : run_in + span.end] = True
    return frames


def detect_recording(detector: SpeechDetector, signal: Signal) -> Frames:
    """Detect the speech of a recording, one stretch after the other.

    Args:
        detector: the detector.
        signal: one channel of the recording.

    Returns:
        Whether each complete frame of the recording contains speech.
    """
    found, rate = [], signal.sampling_rate
    for stretch in stretches(signal.duration):
        samples = signal.samples[:, stretch.history * rate : round(stretch.end * rate)]
        n_history = (stretch.run_in - stretch.history) * rate
        found.append(runs(detect_stretch(detector, Signal(samples, rate), n_history)))
    return join(found, signal.samples.shape[1], rate)


class ChannelDetector:
    """The detection of speech in one channel of a call that arrives in pieces."""

    def __init__(self, detector: SpeechDetector, sampling_rate: int) -> None:
        """Start before the first sample.

        Args:
            detector: the detector.
            sampling_rate: the sampling rate of the channel, in Hz.
        """
        self._detector = detector
        self._sampling_rate = sampling_rate
        self._stream = detector.stream(sampling_rate)
        self._next = detector.stream(sampling_rate)
        self._ahead: list[Frames] = []
        """The frames of the next stretch, which begins with its run-in."""
        self._second = np.zeros(0, np.float32)
        """The samples of the incomplete second."""
        self._n_seconds = self._n_run_in = 0
        """The numbers of complete seconds, and of frames of the run-in that are still to come."""
        self._powers: deque[NDArray[np.float64]] = deque(maxlen=HISTORY)

    def push(self, samples: Samples) -> Frames:
        """Add samples.

        Args:
            samples: the next samples, float32, shape (n,).

        Returns:
            Whether each of the next frames of 10 ms contains speech; only frames that are certain.
        """
        found = [np.zeros(0, np.bool_)]
        while len(samples):
            n_missing = self._sampling_rate - len(self._second)
            piece, samples = samples[:n_missing], samples[n_missing:]
            found.append(self._after_run_in(self._stream.push(piece)))
            if self._n_seconds % STRETCH >= STRETCH - RUN_IN:
                self._ahead.append(self._next.push(piece))
            self._second = np.concatenate([self._second, piece])
            if len(self._second) == self._sampling_rate:
                found.append(self._complete_second())
        return np.concatenate(found)

    def finish(self) -> Frames:
        """Return whether each of the remaining complete frames contains speech."""
        return self._after_run_in(self._stream.finish())

    def _complete_second(self) -> Frames:
        """Record the power of a second. At the end of a stretch, return the frames that become certain."""
        self._n_seconds += 1
        self._powers.append(_powers(self._second))
        self._second = self._second[:0]
        if self._n_seconds % STRETCH == STRETCH - RUN_IN:
            self._next = self._detector.stream(self._sampling_rate, _background(self._powers))
            self._ahead = []
        if self._n_seconds % STRETCH:
            return np.zeros(0, np.bool_)
        rest = self._after_run_in(self._stream.finish())
        self._stream, self._n_run_in = self._next, round(RUN_IN / FRAME)
        return np.concatenate([rest, self._after_run_in(np.concatenate(self._ahead))])

    def _after_run_in(self, frames: Frames) -> Frames:
        """Remove the frames of the run-in, which belong to the previous stretch."""
        n_removed = min(self._n_run_in, len(frames))
        self._n_run_in -= n_removed
        return frames[n_removed:]


def _powers(second: Samples) -> NDArray[np.float64]:
    """Return the variance of each part of a second, shape (25,)."""
    size = len(second) // PER_SECOND
    parts = second[: size * PER_SECOND].reshape(PER_SECOND, size)
    return cast("NDArray[np.float64]", parts.var(axis=1, dtype=np.float64))


def _background(powers: Sequence[NDArray[np.float64]] | deque[NDArray[np.float64]]) -> float:
    """Return the power of the background from the powers of each second; 0 without a second."""
    return float(np.percentile(np.concatenate(powers), BACKGROUND)) if len(powers) else 0.0
