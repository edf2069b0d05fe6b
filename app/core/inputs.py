"""Computation of the network inputs from a signal. Inputs that the network does not take are omitted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.bundle import Bundle
from app.core.errors import BundleError
from app.core.log_mel import log_mel_spectrogram

if TYPE_CHECKING:
    from app.core.features import FeatureExtractor

NetworkInputs = Mapping[str, NDArray[np.float32]]
"""The inputs of the network by name, each float32, shape (1, …)."""


class InputExtractor:
    """A reusable extractor of the network inputs of utterances.

    Not thread-safe, since openSMILE is not: use an instance only in the thread that created it.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Start openSMILE, but only if the bundle has openSMILE features.

        Raises:
            BundleError: the bundle was made with another version of openSMILE.
        """
        self._shapes = bundle.manifest.input_shapes
        self._opensmile = _start_opensmile(bundle)
        features = bundle.manifest.features
        self._functionals, self._descriptors = bundle.scaler.split(features.n_functionals if features else 0)

    def extract(self, signal: Signal) -> NetworkInputs:
        """Compute the inputs of an utterance.

        Args:
            signal: a signal of one channel, at 16 kHz.

        Returns:
            The subset of `features`, `descriptors` and `log_mel` that the network takes.

        Raises:
            ValueError: the signal has more than one channel.
            AudioError: the utterance is too short.
        """
        inputs = {}
        if self._opensmile:
            features = self._opensmile.extract(signal)
            inputs["features"] = self._functionals.transform(features.functionals)
            inputs["descriptors"] = self._descriptors.transform(features.descriptors)
        if "log_mel" in self._shapes:
            inputs["log_mel"] = log_mel_spectrogram(signal)
        return {name: inputs[name][np.newaxis] for name in self._shapes}

    def prepare(self) -> None:
        """Prepare for the next utterance. `extract` does so if necessary, but then takes longer."""
        if self._opensmile:
            self._opensmile.prepare()


def _start_opensmile(bundle: Bundle) -> "FeatureExtractor | None":
    """Start the extractor of a bundle, and check that its features match the bundle."""
    name, features = bundle.manifest.name, bundle.manifest.features
    if features is None:
        return None
    # Some installations lack openSMILE for license reasons. Import it only for a bundle that needs it.
    from app.core.features import FEATURE_SETS, FeatureConfig, FeatureExtractor  # noqa: PLC0415

    if features.feature_set not in FEATURE_SETS:
        known = ", ".join(FEATURE_SETS)
        raise BundleError(f"{name}: unknown feature set {features.feature_set}; known are {known}")
    config = FeatureConfig(features.feature_set, features.sampling_rate)
    extractor = FeatureExtractor(config, with_descriptors=features.level != "functionals")
    if extractor.names_sha256 != features.names_sha256:
        raise BundleError(
            f"{name}: openSMILE's feature names differ from those of the training; train the bundle again"
        )
    return extractor
