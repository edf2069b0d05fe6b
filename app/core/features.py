"""`Signal` to functionals, by openSMILE.

Four things that openSMILE's Python binding leaves to its caller are done here: samples are
clipped (it multiplies by 32768 and casts to int16, so that +1.0 would wrap to −32768), more than
one channel is refused (it would take the first without a word), the sampling rate is made right,
and a result that is not finite is an error (it is only a warning there).

An extractor must stay in the thread it was made in: openSMILE is not safe in threads.
"""

import hashlib
import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import opensmile
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.errors import AudioUndecodable

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016", "emobase"]
FEATURE_SETS: tuple[FeatureSet, ...] = get_args(FeatureSet)

# The largest float32 that openSMILE's cast to int16 leaves positive.
_MAX_SAMPLE = 32767 / 32768


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """What to extract.

    Attributes:
        feature_set: openSMILE's name of the set (88, 6373 and 988 functionals).
        sampling_rate: the rate the signal is brought to first, in Hz.
    """

    feature_set: FeatureSet
    sampling_rate: int = 16_000


class FeatureExtractor:
    """Computes the functionals of one utterance.

    Attributes:
        config: what is extracted.
        names: the names of the functionals, in the order of the vector.
    """

    def __init__(self, config: FeatureConfig) -> None:
        """Load openSMILE's configuration of the set."""
        self.config = config
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet[config.feature_set],
            feature_level=opensmile.FeatureLevel.Functionals,
        )
        self.names: tuple[str, ...] = tuple(self._smile.feature_names)

    @property
    def names_sha256(self) -> str:
        """SHA-256 of the names, one a line: two sets are the same if this is."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()

    def extract(self, signal: Signal) -> NDArray[np.float32]:
        """Compute the functionals of a signal.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            float32, shape (n_features,), every value finite.

        Raises:
            ValueError: the signal has more than one channel.
            AudioUndecodable: openSMILE finds no value for some functional, as it does for a
                signal of well under 0.1 s.
        """
        if signal.n_channels != 1:
            raise ValueError(f"one channel wanted, not {signal.n_channels}: select_channel() first")
        samples = resample(signal, self.config.sampling_rate).samples
        samples = np.clip(samples, -1.0, _MAX_SAMPLE)
        with warnings.catch_warnings():
            # "Segment too short, filling with NaN": said below, as an error.
            warnings.simplefilter("ignore")
            features: NDArray[np.float32] = self._smile(samples, self.config.sampling_rate)
        features = features.astype(np.float32).reshape(-1)
        undefined = np.flatnonzero(~np.isfinite(features))
        if undefined.size:
            raise AudioUndecodable(
                f"{undefined.size} of {features.size} features have no finite value (the first: "
                f"{self.names[undefined[0]]}). The recording is too short or holds no measurable sound."
            )
        return features
