"""`Signal` to features, by openSMILE: low-level descriptors frame by frame, and their functionals.

One run of openSMILE gives both levels, bit for bit what `opensmile.Smile` gives in a run each.
`Smile` starts an instance for every signal; here one instance is reset and runs again, which
leaves the numbers as they are and saves the start.

What openSMILE's binding leaves to its caller is done here: samples are clipped (+1.0 times 32768
as int16 would be −32768), more than one channel is refused, the sampling rate is made right, and
a result that is missing or not finite is an error.

An extractor must stay in the thread it was made in: openSMILE is not safe in threads.
"""

import ctypes
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import opensmile
from numpy.typing import NDArray
from opensmile.core.config import config as opensmile_config
from opensmile.core.lib import ExternalSinkCallback, OpenSMILE, OpenSmileException, smileapi

from app.core.audio import Signal, resample
from app.core.errors import AudioUndecodable

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016", "emobase"]
FEATURE_SETS: tuple[FeatureSet, ...] = get_args(FeatureSet)

# The sinks of openSMILE's configuration for several levels.
_FUNCTIONALS, _DESCRIPTORS = "extsinkfunc", "extsinklld"
_FLOAT_BYTES = ctypes.sizeof(ctypes.c_float)
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
        if not len(functionals) or not len(descriptors):
            raise AudioUndecodable("The recording is too short: there is nothing to measure in it.")
        features = Features(functionals[0], descriptors)
        _check_finite(features.functionals, self.functional_names)
        _check_finite(features.descriptors, self.descriptor_names)
        return features

    def _run(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Feed samples through openSMILE; what arrives at either sink, a row a time."""
        if not self._is_fresh:
            self._opensmile.reset()
        self._is_fresh = False
        functionals = _Arrivals(self._opensmile, _FUNCTIONALS, len(self.functional_names))
        descriptors = _Arrivals(self._opensmile, _DESCRIPTORS, len(self.descriptor_names))
        source = opensmile_config.EXTERNAL_SOURCE_COMPONENT
        try:
            self._opensmile.external_audio_source_write_data(source, samples.tobytes())
            self._opensmile.external_audio_source_set_eoi(source)
            self._opensmile.run()
        except OpenSmileException:
            # Not ended, so that it could not be reset for the next signal.
            self._opensmile, self._is_fresh = _start(self.config), True
            raise
        return functionals.rows(), descriptors.rows()


class _Arrivals:
    """What arrives at a sink in one run.

    The binding's own callback makes a NumPy array of every frame, which for 300 frames takes ten
    times as long as this does; it must be kept as long as the run.
    """

    def __init__(self, instance: OpenSMILE, sink: str, width: int) -> None:
        self._width = width
        self._content = bytearray()
        self._callback = ExternalSinkCallback(self._add)
        instance._check_smile_result(  # noqa: SLF001  # it is what turns a code into an error
            smileapi.smile_extsink_set_data_callback(
                instance._smileobj,  # noqa: SLF001  # the handle of the C library
                sink.encode(),
                self._callback,
                None,
            )
        )

    def _add(self, data: "ctypes._Pointer[ctypes.c_float]", width: int, _parameter: object) -> int:
        """Copy a frame: the buffer is openSMILE's, and is written over by the next."""
        self._content += ctypes.string_at(data, width * _FLOAT_BYTES)
        return 1

    def rows(self) -> NDArray[np.float32]:
        """All frames, shape (n, width)."""
        return np.frombuffer(self._content, np.float32).reshape(-1, self._width)


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
