"""Occlusion over time: how the answer changes when a part of a recording is hidden.

The method is that of Zeiler & Fergus ("Visualizing and Understanding Convolutional Networks", ECCV 2014,
section 4.2), who slide a gray square over an image. Here a window slides over time, and the background of the
recording itself hides its content. Silence or a mean would be sounds that the network never met inside of an
utterance; the background is what a pause of the speaker sounds like.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.core.audio import Signal
from app.core.bundle import Bundle
from app.core.inputs import InputExtractor, NetworkInputs
from app.core.log_mel import HOP, SAMPLING_RATE, WINDOW
from app.core.recognizer import EmotionRecognizer
from training.errors import TrainingError

BACKGROUND = 10
"""The percentile that counts as the background: the quietest tenth of the recording. Not tuned."""

LONGEST = 30.0
"""Seconds of the longest recording whose picture can be read."""

LOG_MEL = "log_mel"


@dataclass(frozen=True, slots=True)
class Occlusion:
    """The answers for one recording with hidden parts.

    Attributes:
        label: the leading label of the whole recording.
        probability: its calibrated probability.
        windows: the start and the end of each hidden window, in seconds, shape (n_windows, 2).
        probabilities: the probability of `label` while each window is hidden, shape (n_windows,).
    """

    label: str
    probability: float
    windows: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    @property
    def changes(self) -> NDArray[np.float64]:
        """The change of the probability by each window, shape (n_windows,)."""
        return self.probabilities - self.probability


def occlude(bundle: Bundle, signal: Signal, window: float, hop: float) -> Occlusion:
    """Hide each part of a recording in turn, and recognize the rest.

    The network's log-mel frames in the window are replaced by the 10th percentile of each band over the
    recording. For features of openSMILE, the samples are replaced by white noise with the level of the
    quietest tenth of the frames of 25 ms, because openSMILE starts from samples.

    Args:
        bundle: the bundle.
        signal: a signal of one channel, at 16 kHz.
        window: the duration of the hidden window, in seconds.
        hop: the distance from one window to the next, in seconds.

    Raises:
        TrainingError: the recording is shorter than two windows, or longer than 30 s.
        AudioError: the recording cannot be analyzed.
    """
    if not 2 * window <= signal.duration <= LONGEST:
        raise TrainingError(
            f"the recording lasts {signal.duration:.1f} s; occlusion needs {2 * window:.1f} s (two windows) "
            f"to {LONGEST:.0f} s: give one utterance, or change --window"
        )
    recognizer, extractor = EmotionRecognizer(bundle), InputExtractor(bundle)
    whole = extractor.extract(signal)
    probabilities, *_ = recognizer.run(whole)
    leading = int(probabilities.argmax())
    windows = list(_windows(signal.duration, window, hop))
    hidden = [
        recognizer.run(_hide(whole, signal, extractor, start, end))[0][leading]
        for start, end in tqdm(windows, "occlusion")
    ]
    label = bundle.manifest.labels[leading]
    return Occlusion(label, float(probabilities[leading]), np.array(windows), np.array(hidden))


def over_time(occlusion: Occlusion, hop: float) -> NDArray[np.float64]:
    """Return the mean change by the windows that cover each step of `hop` seconds, shape (n_steps,)."""
    middles = np.arange(hop / 2, occlusion.windows[-1, 1], hop)
    starts, ends = occlusion.windows.T
    covers = (starts <= middles[:, np.newaxis]) & (middles[:, np.newaxis] < ends)
    changes: NDArray[np.float64] = covers @ occlusion.changes / covers.sum(axis=1)
    return changes


def _windows(duration: float, window: float, hop: float) -> Iterator[tuple[float, float]]:
    """Yield start and end of each window. The last one ends with the recording."""
    n_hops = int(np.ceil((duration - window) / hop - 1e-9))
    for number in range(n_hops):
        yield number * hop, number * hop + window
    yield duration - window, duration


def _hide(
    inputs: NetworkInputs, signal: Signal, extractor: InputExtractor, start: float, end: float
) -> NetworkInputs:
    """Return the inputs of the network with a hidden window."""
    if set(inputs) == {LOG_MEL}:
        return {LOG_MEL: _hide_frames(inputs[LOG_MEL], start, end)}
    hidden = dict(extractor.extract(_hide_samples(signal, start, end)))
    if LOG_MEL in inputs:
        hidden[LOG_MEL] = _hide_frames(inputs[LOG_MEL], start, end)
    return hidden


def _hide_frames(log_mel: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
    """Replace the frames of a window by the background of each band."""
    hidden = log_mel.copy()
    rate = SAMPLING_RATE / HOP
    hidden[:, round(start * rate) : round(end * rate)] = np.percentile(log_mel, BACKGROUND, axis=1)
    return hidden


def _hide_samples(signal: Signal, start: float, end: float) -> Signal:
    """Replace the samples of a window by white noise with the level of the background."""
    samples = signal.samples.copy()
    n_frames = samples.shape[1] // WINDOW
    levels = np.sqrt(np.mean(samples[0, : n_frames * WINDOW].reshape(n_frames, WINDOW) ** 2, axis=1))
    part = samples[0, round(start * SAMPLING_RATE) : round(end * SAMPLING_RATE)]
    part[:] = np.percentile(levels, BACKGROUND) * np.random.default_rng(0).standard_normal(len(part))
    return replace(signal, samples=samples)
