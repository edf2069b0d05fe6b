"""`Signal` to features, by openSMILE: low-level descriptors frame by frame, and their functionals.

One run of openSMILE gives both levels, bit for bit what `opensmile.Smile` gives in a run each.
`Smile` starts an instance for every signal; here one instance is reset and runs again, which
leaves the numbers as they are and saves the start.

What openSMILE's binding leaves to its caller is done here: samples are clipped (+1.0 times 32768
as int16 would be −32768), more than one channel is refused, the sampling rate is made right, and
a result that is missing or not finite is an error.

An extractor must stay in the thread it was made in: openSMILE is not safe in threads.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import opensmile
from numpy.typing import NDArray
from opensmile.core.config import config as opensmile_config
from opensmile.core.lib import OpenSMILE

from app.core.audio import Signal, resample
from app.core.errors import AudioUndecodable

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016", "emobase"]
FEATURE_SETS: tuple[FeatureSet, ...] = get_args(FeatureSet)

# The sinks of openSMILE's configuration for several levels.
_FUNCTIONALS, _DESCRIPTORS = "extsinkfunc", "extsinklld"
# The largest float32 that a cast to int16 leaves positive.
_MAX_SAMPLE = 32767 / 32768


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """What to extract.

    Attributes:
        feature_set: openSMILE's name of the set: eGeMAPSv02 has 88 functionals of 25 low-level
            descriptors, ComParE_2016 6373 of 65, emobase 988 of 26.
        sampling_rate: the rate the signal is brought to first, in Hz.
    """

    feature_set: FeatureSet
    sampling_rate: int = 16_000


class Features(NamedTuple):
    """Both levels of one utterance.

    Attributes:
        functionals: float32, shape (n_functionals,).
        descriptors: the low-level descriptors, a frame every 10 ms: float32, shape
            (n_frames, n_descriptors).
    """

    functionals: NDArray[np.float32]
    descriptors: NDArray[np.float32]


class FeatureExtractor:
    """Computes the features of one utterance after another.

    Attributes:
        config: what is extracted.
        functional_names: in the order of the vector.
        descriptor_names: in the order of a frame.
    """

    def __init__(self, config: FeatureConfig) -> None:
        """Load openSMILE's configuration of the set."""
        self.config = config
        self._opensmile = _start(config)
        self._is_fresh = True
        self.functional_names = _names(self._opensmile, _FUNCTIONALS)
        self.descriptor_names = _names(self._opensmile, _DESCRIPTORS)

    @property
    def names_sha256(self) -> str:
        """SHA-256 of all names, functionals first, one a line: two sets are the same if this is."""
        names = (*self.functional_names, *self.descriptor_names)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def extract(self, signal: Signal) -> Features:
        """Compute the features of a signal.

        Args:
            signal: one channel, at any sampling rate.

        Returns:
            Functionals and descriptors, every value finite.

        Raises:
            ValueError: the signal has more than one channel.
            AudioUndecodable: openSMILE finds no value for some feature, as it does for a signal
                of well under 0.1 s.
        """
        if signal.n_channels != 1:
            raise ValueError(f"one channel wanted, not {signal.n_channels}: select_channel() first")
        samples = resample(signal, self.config.sampling_rate).samples[0]
        samples = np.clip(samples, -1.0, _MAX_SAMPLE)
        functionals, descriptors = self._run((samples * 32768).astype(np.int16))
        if not functionals or not descriptors:
            raise AudioUndecodable("The recording is too short: there is nothing to measure in it.")
        features = Features(functionals[0], np.stack(descriptors))
        _check_finite(features.functionals, self.functional_names)
        _check_finite(features.descriptors, self.descriptor_names)
        return features

    def _run(self, samples: NDArray[np.int16]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Feed samples through openSMILE and collect what arrives at either sink."""
        if not self._is_fresh:
            self._opensmile.reset()
            self._opensmile._callbacks.clear()  # noqa: SLF001  # reset dropped them, the binding did not
        self._is_fresh = False
        functionals: list[NDArray[np.float32]] = []
        descriptors: list[NDArray[np.float32]] = []
        for sink, arrived in ((_FUNCTIONALS, functionals), (_DESCRIPTORS, descriptors)):
            # The buffer is openSMILE's, and is written over by the next frame.
            self._opensmile.external_sink_set_callback(sink, lambda data, to=arrived: to.append(data.copy()))
        source = opensmile_config.EXTERNAL_SOURCE_COMPONENT
        self._opensmile.external_audio_source_write_data(source, samples.tobytes())
        self._opensmile.external_audio_source_set_eoi(source)
        self._opensmile.run()
        return functionals, descriptors


def _start(config: FeatureConfig) -> OpenSMILE:
    """Start an openSMILE instance, with the options that `opensmile.Smile` gives it, for both levels."""
    root = Path(opensmile.__file__).parent / "core" / opensmile_config.CONFIG_ROOT
    instance = OpenSMILE()
    instance.initialize(
        str(root / f"{opensmile.FeatureSet[config.feature_set].value}{opensmile_config.CONFIG_EXT}"),
        {
            "source": root / opensmile_config.EXTERNAL_INPUT_CONFIG,
            "sink": root / opensmile_config.EXTERNAL_OUTPUT_MULTI_CONFIG,
            "bufferModeRbConf": root / "shared/BufferModeRb.conf.inc",
            "frameModeFunctionalsConf": root / "shared/FrameModeFunctionals.conf.inc",
            "sampleRate": config.sampling_rate,
            "nBits": 16,
        },
    )
    return instance


def _names(instance: OpenSMILE, sink: str) -> tuple[str, ...]:
    """The names of what arrives at a sink."""
    count = instance.external_sink_get_num_elements(sink)
    return tuple(instance.external_sink_get_element_name(sink, index) for index in range(count))


def _check_finite(values: NDArray[np.float32], names: tuple[str, ...]) -> None:
    """Raise if a value of the last axis is not a finite number."""
    undefined = np.argwhere(~np.isfinite(values))
    if undefined.size:
        raise AudioUndecodable(
            f"{len(undefined)} of {values.size} features have no finite value (the first: "
            f"{names[undefined[0][-1]]}). The recording is too short or holds no measurable sound."
        )
