"""The one path from a `Signal` to the probabilities of the emotions."""

from time import perf_counter
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.bundle import OUTPUT, Bundle
from app.core.errors import BundleError
from app.core.features import FEATURE_SETS, FeatureConfig, FeatureExtractor, Features
from app.core.recognition import Recognition
from app.core.speech import SpeechDetector


class EmotionRecognizer:
    """Recognises the emotion of one utterance. Use it in the thread it was made in."""

    def __init__(self, bundle: Bundle, detector: SpeechDetector | None = None) -> None:
        """Make ready to recognise.

        Args:
            bundle: the model.
            detector: finds speech; one of its own if not given.

        Raises:
            BundleError: the openSMILE that is installed is not the one the bundle was made with.
        """
        self.bundle = bundle
        self._detector = detector or SpeechDetector()
        self._extractor = _extractor_for(bundle)
        self._scalers = bundle.scaler.split(bundle.manifest.features.n_functionals)

    def recognize(self, signal: Signal) -> Recognition:
        """Recognise the emotion of one utterance.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            The probability of each label, if there is speech.

        Raises:
            ValueError: the signal has more than one channel.
            AudioUndecodable: too short for openSMILE to measure.
        """
        if not self._detector.has_speech(signal):
            return Recognition(signal.duration, None)
        return self.recognize_speech(signal)

    def recognize_speech(self, signal: Signal) -> Recognition:
        """Recognise the emotion of a signal in which somebody is known to speak.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            The probability of each label.

        Raises:
            ValueError: the signal has more than one channel.
            AudioUndecodable: too short for openSMILE to measure.
        """
        started = perf_counter()
        features = self._extractor.extract(signal)
        extracted = perf_counter()
        values = self.probabilities(features).tolist()
        seconds = {"features": extracted - started, "inference": perf_counter() - extracted}
        probabilities = dict(zip(self.bundle.manifest.labels, values, strict=True))
        return Recognition(signal.duration, probabilities, seconds)

    def prepare(self) -> None:
        """Make ready for the next utterance; `recognize` does it otherwise, and takes longer by that."""
        self._extractor.prepare()

    def probabilities(self, features: Features) -> NDArray[np.float64]:
        """Map features to probabilities.

        Args:
            features: of one utterance, as extracted.

        Returns:
            float64, shape (n_labels,), adding up to 1.
        """
        functionals, descriptors = self._scalers
        scaled = {
            "features": functionals.transform(features.functionals),
            "descriptors": descriptors.transform(features.descriptors),
        }
        inputs = {name: scaled[name][np.newaxis] for name in self.bundle.manifest.input_shapes}
        (output,) = self.bundle.network.run([OUTPUT], inputs)
        return apply_temperature(output[0], self.bundle.manifest.temperature)


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Calibrate by temperature scaling (Guo et al. 2017, arXiv 1706.04599).

    It divides the logits by the temperature T, which on probabilities is the power 1/T and a
    normalisation.

    Args:
        probabilities: shape (…, n_labels).
        temperature: above 0; over 1 softens, under 1 sharpens.

    Returns:
        float64, the same shape, adding up to 1 along the last axis.
    """
    powers = probabilities.astype(np.float64) ** (1 / temperature)
    return cast("NDArray[np.float64]", powers / powers.sum(axis=-1, keepdims=True))


def _extractor_for(bundle: Bundle) -> FeatureExtractor:
    """Make the extractor of a bundle, and check that it is the one the bundle was made with."""
    name, features = bundle.manifest.name, bundle.manifest.features
    if features.feature_set not in FEATURE_SETS:
        raise BundleError(
            f"{name}: unknown feature set {features.feature_set}; known are {', '.join(FEATURE_SETS)}"
        )
    config = FeatureConfig(features.feature_set, features.sampling_rate)
    extractor = FeatureExtractor(config, with_descriptors=features.level != "functionals")
    if extractor.names_sha256 != features.names_sha256:
        raise BundleError(f"{name}: openSMILE's feature names are not those the bundle was trained on")
    return extractor
