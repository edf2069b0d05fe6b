"""Emotion recognition: from a `Signal` to the probabilities of the emotions.

recognizer = EmotionRecognizer(read_bundle(Path("models/multilingual")))
recognizer.recognize(decode(Path("examples/utterance.wav").read_bytes())).probabilities
"""

from time import perf_counter
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.bundle import OUTPUT, SPEAKER_OUTPUTS, Bundle
from app.core.inputs import InputExtractor, NetworkInputs
from app.core.recognition import Recognition
from app.core.speaker import SpeakerScores
from app.core.speech import SAMPLING_RATE, SpeechDetector


class EmotionRecognizer:
    """A recognizer of the emotion of an utterance.

    Not thread-safe: use an instance only in the thread that created it.

    Example:
        >>> from pathlib import Path
        >>> from app.core.audio import decode
        >>> from app.core.bundle import read_bundle
        >>> recognizer = EmotionRecognizer(read_bundle(Path("models/multilingual")))
        >>> recognition = recognizer.recognize(decode(Path("examples/utterance.wav").read_bytes()))
        >>> sorted(recognition.probabilities or ())
        ['anger', 'happiness', 'neutral', 'sadness', 'surprise']
    """

    def __init__(self, bundle: Bundle, detector: SpeechDetector | None = None) -> None:
        """Load the resources that the bundle needs.

        Args:
            bundle: the bundle of the model.
            detector: the speech detector; None creates a new detector.

        Raises:
            BundleError: the bundle was made with another version of openSMILE.
        """
        self.bundle = bundle
        self._detector = detector or SpeechDetector()
        self._inputs = InputExtractor(bundle)
        self._outputs = (OUTPUT, *SPEAKER_OUTPUTS) if bundle.manifest.adapts_to_speaker else (OUTPUT,)

    def recognize(self, signal: Signal) -> Recognition:
        """Recognize the emotion of one utterance.

        Args:
            signal: a signal of one channel, at any sampling rate.

        Returns:
            The probability of each label, if there is speech.

        Raises:
            ValueError: the signal has more than one channel.
            AudioError: the utterance is too short.
        """
        resampled = resample(signal, SAMPLING_RATE)
        if not self._detector.has_speech(resampled):
            return Recognition(signal.duration, None)
        return self.recognize_speech(resampled)

    def recognize_speech(self, signal: Signal) -> Recognition:
        """Recognize the emotion of a signal that is known to contain speech.

        Args:
            signal: a signal of one channel, at any sampling rate.

        Returns:
            The probability of each label, and the scores for the adaptation if the bundle adapts.

        Raises:
            ValueError: the signal has more than one channel.
            AudioError: the signal is too short.
        """
        started = perf_counter()
        inputs = self._inputs.extract(resample(signal, SAMPLING_RATE))
        extracted = perf_counter()
        probabilities, *scores = self.run(inputs)
        seconds = {"features": extracted - started, "inference": perf_counter() - extracted}
        return Recognition(
            signal.duration,
            dict(zip(self.bundle.manifest.labels, probabilities.tolist(), strict=True)),
            seconds,
            SpeakerScores(*(score.tolist() for score in scores)) if scores else None,
        )

    def prepare(self) -> None:
        """Prepare for the next utterance. `recognize` does so if necessary, but then takes longer."""
        self._inputs.prepare()

    def run(self, inputs: NetworkInputs) -> list[NDArray[np.float64]]:
        """Run the network on one utterance.

        Args:
            inputs: the inputs from `InputExtractor.extract`.

        Returns:
            The calibrated probabilities. If the bundle adapts to speakers, the calibrated logits and the
            offsets follow. Each array is float64, shape (n_labels,).
        """
        probabilities, *scores = self.bundle.network.run(self._outputs, dict(inputs))
        temperature = self.bundle.manifest.temperature
        calibrated = apply_temperature(probabilities[0], temperature)
        return [calibrated, *(score[0].astype(np.float64) / temperature for score in scores)]


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Calibrate probabilities by temperature scaling (Guo et al. 2017, arXiv 1706.04599).

    Temperature scaling divides the logits by the temperature T. The equivalent for probabilities is the
    power 1/T, followed by a normalization.

    Args:
        probabilities: the probabilities, shape (…, n_labels).
        temperature: the temperature, above 0. A value above 1 flattens the distribution, a value below 1
            sharpens the distribution.

    Returns:
        The calibrated probabilities, float64, of the same shape; the last axis sums to 1.
    """
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return cast("NDArray[np.float64]", powers / powers.sum(axis=-1, keepdims=True))
