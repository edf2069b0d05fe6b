"""The one path from a `Signal` to the probabilities of the emotions.

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
    """Recognizes the emotion of one utterance.

    Not thread-safe: use an instance only in the thread that created it.
    """

    def __init__(self, bundle: Bundle, detector: SpeechDetector | None = None) -> None:
        """Load what the bundle needs.

        Args:
            bundle: the model.
            detector: finds speech; None: a new one.

        Raises:
            BundleError: the installed openSMILE is not the one that the bundle was made with.
        """
        self.bundle = bundle
        self._detector = detector or SpeechDetector()
        self._inputs = InputExtractor(bundle)
        self._outputs = (OUTPUT, *SPEAKER_OUTPUTS) if bundle.manifest.adapts_to_speaker else (OUTPUT,)

    def recognize(self, signal: Signal) -> Recognition:
        """Recognize the emotion of one utterance.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            The probability of each label, if there is speech.

        Raises:
            ValueError: the signal has more than one channel.
            AudioError: the utterance is too short.
        """
        at_rate = resample(signal, SAMPLING_RATE)
        if not self._detector.has_speech(at_rate):
            return Recognition(signal.duration, None)
        return self.recognize_speech(at_rate)

    def recognize_speech(self, signal: Signal) -> Recognition:
        """Recognize the emotion of a signal that is known to hold speech.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            The probability of each label; and the scores for adaptation, if the bundle adapts.

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
            SpeakerScores(*(one.tolist() for one in scores)) if scores else None,
        )

    def prepare(self) -> None:
        """Get ready for the next utterance; otherwise `recognize` does it, and takes longer."""
        self._inputs.prepare()

    def run(self, inputs: NetworkInputs) -> list[NDArray[np.float64]]:
        """Run the network on one utterance.

        Args:
            inputs: from `InputExtractor.extract`.

        Returns:
            Calibrated probabilities; then, if the bundle adapts to speakers, logits and offsets. Each
            float64, shape (n_labels,).
        """
        probabilities, *scores = self.bundle.network.run(self._outputs, dict(inputs))
        calibrated = apply_temperature(probabilities[0], self.bundle.manifest.temperature)
        return [calibrated, *(one[0].astype(np.float64) for one in scores)]


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Calibrate by temperature scaling (Guo et al. 2017, arXiv 1706.04599).

    Temperature scaling divides the logits by the temperature T. On probabilities, that is the power
    1/T and a normalization.

    Args:
        probabilities: shape (…, n_labels).
        temperature: above 0; over 1 softens, under 1 sharpens.

    Returns:
        float64, the same shape; the last axis sums to 1.
    """
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return cast("NDArray[np.float64]", powers / powers.sum(axis=-1, keepdims=True))
