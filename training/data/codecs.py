"""The codecs of recordings: a signal is encoded to a file, and decoded again.

libsndfile maps its compression level, from 0 to 1, to the bit rates that a codec has at the sampling rate. It
decodes with the same libraries as the service.
"""

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from app.core.audio import Signal

WIDE, TELEPHONE_RATE = 16_000, 8_000
"""The sampling rate of the corpora and of a telephone line (ITU-T G.711), in Hz."""

MP3_RATES = {WIDE: (8, 160), TELEPHONE_RATE: (8, 64)}
"""The lowest and the highest bit rate of MP3 at each sampling rate, in kbit/s (ISO/IEC 13818-3, MPEG 2.5)."""

OPUS_RATES = (6, 256)
"""The bit rates between which libsndfile interpolates for one channel of Opus, in kbit/s."""

LARGEST = 32_767 / 32_768
"""The largest sample that all codecs can represent."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec in a container.

    Attributes:
        container: the container, by its name in libsndfile.
        codec: the codec, by its name in libsndfile.
        sampling_rate: the sampling rate of the encoded signal, in Hz.
        level: the compression level of libsndfile, from 0 to 1; None for its default.
        constant: whether the bit rate is constant.
    """

    container: str
    codec: str
    sampling_rate: int = WIDE
    level: float | None = None
    constant: bool = False

    def encode(self, signal: Signal) -> bytes:
        """Return a file with the signal, resampled to the sampling rate of the codec."""
        settings: dict[str, str | float] = {} if self.level is None else {"compression_level": self.level}
        if self.constant:
            settings["bitrate_mode"] = "CONSTANT"
        samples = soxr.resample(signal.samples.T, signal.sampling_rate, self.sampling_rate)
        samples = np.clip(samples, -1, LARGEST)
        file, rate, n_channels = io.BytesIO(), self.sampling_rate, signal.samples.shape[0]
        with soundfile.SoundFile(
            file, "w", rate, n_channels, self.codec, format=self.container, **settings
        ) as sound:
            # libsndfile needs more stack than there is for many samples of Vorbis at a time.
            for start in range(0, len(samples), rate):
                sound.write(samples[start : start + rate])
        return file.getvalue()

    def apply(self, signal: Signal, _random: np.random.Generator) -> Signal:
        """Encode and decode a signal. This method is a condition."""
        samples, sampling_rate = soundfile.read(
            io.BytesIO(self.encode(signal)), dtype="float32", always_2d=True
        )
        return Signal(np.ascontiguousarray(samples.T), sampling_rate)


def mp3(kbits: float, sampling_rate: int = WIDE) -> Codec:
    """Return MP3 with a constant bit rate in kbit/s."""
    level = _level(kbits, *MP3_RATES[sampling_rate])
    return Codec("MP3", "MPEG_LAYER_III", sampling_rate, level, constant=True)


def opus(kbits: float, sampling_rate: int = WIDE) -> Codec:
    """Return Opus with an average bit rate in kbit/s."""
    return Codec("OGG", "OPUS", sampling_rate, _level(kbits, *OPUS_RATES))


def _level(kbits: float, lowest: float, highest: float) -> float:
    """Return the compression level at which libsndfile encodes with a bit rate."""
    return 1 - (kbits - lowest) / (highest - lowest)
