"""Extraction of openSMILE features: low-level descriptors in frames, and their functionals.

One run of openSMILE computes both levels. The values are bit for bit those of two runs of `opensmile.Smile`.
`Smile` starts a new instance for every signal. This module resets one instance and reuses it, which yields
the same values and saves the start.

The binding leaves some checks to its caller. This module clips the samples (+1.0 times 32768 as int16 would
be −32768), refuses more than one channel, resamples the signal, and raises an error if a value is missing or
not finite.

Not thread-safe, since openSMILE is not: use an extractor only in the thread that created it.
"""

import ctypes
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.binding import CONFIGS, ExternalSinkCallback, OpenSMILE, OpenSmileException, smileapi
from app.core.errors import AudioUndecodable

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016", "emobase"]
FEATURE_SETS: tuple[FeatureSet, ...] = get_args(FeatureSet)

SINKS = Path(__file__).with_name("sinks")
"""Configurations of the openSMILE sinks, which deliver the results."""

_CONFIGURATIONS: dict[str, str] = {
    "eGeMAPSv02": "egemaps/v02/eGeMAPSv02.conf",
    "ComParE_2016": "compare/ComParE_2016.conf",
    "emobase": "emobase/emobase.conf",
}
_SOURCE = "extsource"
_FUNCTIONALS, _DESCRIPTORS = "functionals", "descriptors"
# The sinks that openSMILE ships provide the names of the functionals, but are slower to reset.
_NAMED_SINKS = CONFIGS / "shared/standard_external_data_output_multi.conf.inc"
_NAMED_FUNCTIONALS, _NAMED_DESCRIPTORS = "extsinkfunc", "extsinklld"
_FLOAT_BYTES = ctypes.sizeof(ctypes.c_float)
# The largest sample value that stays positive in the cast to int16.
_MAX_SAMPLE = 32767 / 32768


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """The configuration of the feature extraction.

    Attributes:
        feature_set: the openSMILE name of the set: eGeMAPSv02 has 88 functionals of 25 low-level
            descriptors, ComParE_2016 6373 of 65, emobase 988 of 26.
        sampling_rate: the sampling rate, in Hz, to which the signal is resampled first.
    """

    feature_set: str
    sampling_rate: int = 16_000


class FeatureValues(NamedTuple):
    """The features of one utterance, on both levels.

    Attributes:
        functionals: the functionals, float32, shape (n_functionals,).
        descriptors: the low-level descriptors, one frame every 10 ms, float32, shape
            (n_frames, n_descriptors); no frames if the extractor omits the descriptors.
    """

    functionals: NDArray[np.float32]
    descriptors: NDArray[np.float32]


class FeatureExtractor:
    """A reusable extractor of the features of utterances.

    Attributes:
        config: the configuration.
        functional_names: the names of the functionals, in the order of the vector.
        descriptor_names: the names of the low-level descriptors, in the order of a frame.
    """

    def __init__(self, config: FeatureConfig, *, with_descriptors: bool = True) -> None:
        """Load the openSMILE configuration of the feature set.

        Args:
            config: the configuration.
            with_descriptors: whether the low-level descriptors are extracted. Without them, the
                extraction is slightly faster.
        """
        self.config = config
        named = _start(config, _NAMED_SINKS)
        self.functional_names = _names(named, _NAMED_FUNCTIONALS)
        self.descriptor_names = _names(named, _NAMED_DESCRIPTORS)
        self._with_descriptors = with_descriptors
        self._opensmile, self._is_fresh = self._start(), True

    @property
    def names_sha256(self) -> str:
        """The SHA-256 of all names, functionals first, one per line. Equal sets have equal values."""
        names = (*self.functional_names, *self.descriptor_names)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def prepare(self) -> None:
        """Reset openSMILE for the next signal. `extract` does so if necessary, but then takes longer."""
        if not self._is_fresh:
            self._opensmile.reset()
            self._is_fresh = True

    def extract(self, signal: Signal) -> FeatureValues:
        """Compute the features of a signal.

        Args:
            signal: a signal of one channel, at any sampling rate.

        Returns:
            Functionals and descriptors, every value finite.

        Raises:
            ValueError: the signal has more than one channel.
            AudioUndecodable: openSMILE has no value for a feature, for example because the signal is
                much shorter than 0.1 s.
        """
        if signal.n_channels != 1:
            raise ValueError(f"one channel is needed, not {signal.n_channels}: call select_channel() first")
        samples = resample(signal, self.config.sampling_rate).samples[0]
        samples = np.clip(samples, -1.0, _MAX_SAMPLE)
        functionals, descriptors = self._run((samples * 32768).astype(np.int16))
        if not len(functionals) or (self._with_descriptors and not len(descriptors)):
            raise AudioUndecodable(
                "The recording is too short to measure its features. Send a longer recording."
            )
        features = FeatureValues(functionals[0], descriptors)
        _check_finite(features.functionals, self.functional_names)
        _check_finite(features.descriptors, self.descriptor_names)
        return features

    def _start(self) -> OpenSMILE:
        """Start an instance with the sinks of this module."""
        levels = "both_levels" if self._with_descriptors else "functionals"
        return _start(self.config, SINKS / f"{levels}.conf.inc")

    def _run(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run openSMILE on the samples and return the rows that arrive at each sink."""
        self.prepare()
        self._is_fresh = False
        functionals = _Arrivals(len(self.functional_names))
        descriptors = _Arrivals(len(self.descriptor_names))
        functionals.collect(self._opensmile, _FUNCTIONALS)
        if self._with_descriptors:
            descriptors.collect(self._opensmile, _DESCRIPTORS)
        try:
            self._opensmile.external_audio_source_write_data(_SOURCE, samples.tobytes())
            self._opensmile.external_audio_source_set_eoi(_SOURCE)
            self._opensmile.run()
        except OpenSmileException:
            # The run has not ended, so that this instance cannot be reset for the next signal.
            self._opensmile, self._is_fresh = self._start(), True
            raise
        return functionals.rows(), descriptors.rows()


class _Arrivals:
    """The rows that arrive at a sink in one run.

    The callback of the binding makes a NumPy array of every frame. For 300 frames, that takes ten times as
    long as this class. Keep an instance alive until the run ends, because openSMILE calls it.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._content = bytearray()
        self._callback = ExternalSinkCallback(self._add)

    def collect(self, instance: OpenSMILE, sink: str) -> None:
        """Register this object as the receiver of a sink."""
        instance._check_smile_result(  # noqa: SLF001  # turns an error code into an exception
            smileapi.smile_extsink_set_data_callback(
                instance._smileobj,  # noqa: SLF001  # the handle of the C library
                sink.encode(),
                self._callback,
                None,
            )
        )

    def _add(self, data: "ctypes._Pointer[ctypes.c_float]", width: int, _parameter: object) -> int:
        """Copy a frame. openSMILE reuses the buffer for the next frame."""
        self._content += ctypes.string_at(data, width * _FLOAT_BYTES)
        return 1

    def rows(self) -> NDArray[np.float32]:
        """Return all frames, shape (n, width)."""
        return np.frombuffer(self._content, np.float32).reshape(-1, self._width)


def _start(config: FeatureConfig, sinks: Path) -> OpenSMILE:
    """Start an openSMILE instance with the options of `opensmile.Smile`."""
    instance = OpenSMILE()
    instance.initialize(
        str(CONFIGS / _CONFIGURATIONS[config.feature_set]),
        {
            "source": CONFIGS / "shared/standard_external_wave_input.conf.inc",
            "sink": sinks,
            "bufferModeRbConf": CONFIGS / "shared/BufferModeRb.conf.inc",
            "frameModeFunctionalsConf": CONFIGS / "shared/FrameModeFunctionals.conf.inc",
            "sampleRate": config.sampling_rate,
            "nBits": 16,
        },
    )
    return instance


def _names(instance: OpenSMILE, sink: str) -> tuple[str, ...]:
    """Return the names of the values that arrive at a sink."""
    count = instance.external_sink_get_num_elements(sink)
    return tuple(instance.external_sink_get_element_name(sink, index) for index in range(count))


def _check_finite(values: NDArray[np.float32], names: tuple[str, ...]) -> None:
    """Check that every value is finite. The names label the last axis."""
    undefined = np.argwhere(~np.isfinite(values))
    if undefined.size:
        raise AudioUndecodable(
            f"{len(undefined)} of {values.size} features have no finite value (the first: "
            f"{names[undefined[0][-1]]}). The recording is too short or contains no measurable sound. "
            "Send a longer recording."
        )
