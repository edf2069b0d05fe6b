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
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.binding import CONFIGS, ExternalSinkCallback, OpenSMILE, OpenSmileException, smileapi
from app.core.errors import AudioUndecodable

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016", "emobase"]
FEATURE_SETS: tuple[FeatureSet, ...] = get_args(FeatureSet)

SINKS = Path(__file__).with_name("sinks")
"""Configurations of what openSMILE hands over."""

_CONFIGURATIONS: dict[str, str] = {
    "eGeMAPSv02": "egemaps/v02/eGeMAPSv02.conf",
    "ComParE_2016": "compare/ComParE_2016.conf",
    "emobase": "emobase/emobase.conf",
}
_SOURCE = "extsource"
_FUNCTIONALS, _DESCRIPTORS = "functionals", "descriptors"
# openSMILE's own sinks are slower to reset, and know the names of the functionals.
_NAMED_SINKS = CONFIGS / "shared/standard_external_data_output_multi.conf.inc"
_NAMED_FUNCTIONALS, _NAMED_DESCRIPTORS = "extsinkfunc", "extsinklld"
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

    feature_set: str
    sampling_rate: int = 16_000


class Features(NamedTuple):
    """Both levels of one utterance.

    Attributes:
        functionals: float32, shape (n_functionals,).
        descriptors: the low-level descriptors, a frame every 10 ms: float32, shape
            (n_frames, n_descriptors); no frames if they are left out.
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

    def __init__(self, config: FeatureConfig, *, with_descriptors: bool = True) -> None:
        """Load openSMILE's configuration of the set.

        Args:
            config: what to extract.
            with_descriptors: False leaves the low-level descriptors out, which takes a little less
                time.
        """
        self.config = config
        named = _start(config, _NAMED_SINKS)
        self.functional_names = _names(named, _NAMED_FUNCTIONALS)
        self.descriptor_names = _names(named, _NAMED_DESCRIPTORS)
        self._with_descriptors = with_descriptors
        self._opensmile, self._is_fresh = self._start(), True

    @property
    def names_sha256(self) -> str:
        """SHA-256 of all names, functionals first, one a line: two sets are the same if this is."""
        names = (*self.functional_names, *self.descriptor_names)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def prepare(self) -> None:
        """Make ready for the next signal; `extract` does it otherwise, and takes longer by that."""
        if not self._is_fresh:
            self._opensmile.reset()
            self._is_fresh = True

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
        if not len(functionals) or (self._with_descriptors and not len(descriptors)):
            raise AudioUndecodable("The recording is too short: there is nothing to measure in it.")
        features = Features(functionals[0], descriptors)
        _check_finite(features.functionals, self.functional_names)
        _check_finite(features.descriptors, self.descriptor_names)
        return features

    def _start(self) -> OpenSMILE:
        """Start an instance with our sinks."""
        levels = "both_levels" if self._with_descriptors else "functionals"
        return _start(self.config, SINKS / f"{levels}.conf.inc")

    def _run(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Feed samples through openSMILE; what arrives at either sink, a row a time."""
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
            # Not ended, so that it could not be reset for the next signal.
            self._opensmile, self._is_fresh = self._start(), True
            raise
        return functionals.rows(), descriptors.rows()


class _Arrivals:
    """What arrives at a sink in one run.

    The binding's own callback makes a NumPy array of every frame, which for 300 frames takes ten
    times as long as this does; it must be kept as long as the run.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._content = bytearray()
        self._callback = ExternalSinkCallback(self._add)

    def collect(self, instance: OpenSMILE, sink: str) -> None:
        """Have what arrives at a sink come here."""
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


def _start(config: FeatureConfig, sinks: Path) -> OpenSMILE:
    """Start an openSMILE instance, with the options that `opensmile.Smile` gives it."""
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
