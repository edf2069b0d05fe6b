"""Bytes to `Signal`: decoding, choice of channel, resampling.

Decoding is soundfile's (libsndfile), resampling is soxr's. What is here decides what is
accepted: WAV (RIFF, WAVEX, RF64) and FLAC, the codecs of `CODECS`, 8 to 48 kHz, up to eight
channels, every sample finite, and no file that ends before its header says it does.
"""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from app.core.errors import (
    AudioTooLong,
    AudioTooShort,
    AudioUndecodable,
    ChannelNotFound,
    UnsupportedMediaType,
)
from app.core.riff import is_cut_off

CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "FLAC"})
CODECS = frozenset({"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"})
MIN_SAMPLING_RATE = 8_000
MAX_SAMPLING_RATE = 48_000
MAX_CHANNELS = 8
MAGIC = frozenset({b"RIFF", b"RF64", b"fLaC"})
"""How an accepted file begins."""
FRAMES_UNKNOWN = 2**62
"""libsndfile gives about 2**63 frames where a FLAC does not say how long it is."""

Channel = int | Literal["mix"]
"""A channel by its index from 0, or `mix`: the mean of all channels."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Sound as numbers.

    Attributes:
        samples: float32, shape (n_channels, n_samples), full scale is ±1.
        sampling_rate: in Hz.
    """

    samples: NDArray[np.float32]
    sampling_rate: int

    @property
    def n_channels(self) -> int:
        """The number of channels."""
        return int(self.samples.shape[0])

    @property
    def duration(self) -> float:
        """The length in seconds."""
        return float(self.samples.shape[1] / self.sampling_rate)


def decode(data: bytes, *, min_seconds: float = 0.0, max_seconds: float = 3600.0) -> Signal:
    """Decode a WAV or FLAC file.

    Args:
        data: the whole file.
        min_seconds: the shortest recording that is accepted; an empty one never is.
        max_seconds: the longest one. No more than that is ever decoded, however small the file.

    Returns:
        All channels at the file's own sampling rate.

    Raises:
        UnsupportedMediaType: not a WAV or FLAC file, or a codec that is not on the list.
        AudioUndecodable: broken, cut off, not finite, or with too many channels or a sampling
            rate out of range.
        AudioTooShort: shorter than `min_seconds`, or empty.
        AudioTooLong: longer than `max_seconds`.
    """
    if data[:4] not in MAGIC:
        raise not_a_recording()
    try:
        with _Stream(io.BytesIO(data)) as file:
            check_format(file)
            max_frames = int(max_seconds * file.samplerate)
            # FLAC from a pipe does not know its length, so it is the reading that is bounded.
            wanted = min(file.frames, max_frames + 1)
            frames = file.read(wanted, dtype="float32", always_2d=True)
            sampling_rate = int(file.samplerate)
            incomplete = len(frames) < wanted and file.frames < FRAMES_UNKNOWN
    except soundfile.LibsndfileError as error:
        raise undecodable(error) from error
    if incomplete or is_cut_off(io.BytesIO(data)):
        raise cut_off()
    check_length(len(frames), sampling_rate, min_seconds, max_seconds)
    check_finite(frames)
    return Signal(np.ascontiguousarray(frames.T), sampling_rate)


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is untyped
    """A file that is read once, from start to end."""

    def seekable(self) -> bool:
        """No: soundfile would seek after each read, which a FLAC of unknown length does not survive."""
        return False


def not_a_recording() -> UnsupportedMediaType:
    """The error of a file that is neither WAV nor FLAC."""
    return UnsupportedMediaType("This is not a WAV or FLAC file. Send a WAV (RIFF) or FLAC recording.")


def undecodable(error: soundfile.LibsndfileError) -> AudioUndecodable:
    """The error of a file that libsndfile gives up."""
    return AudioUndecodable(
        f"The recording cannot be decoded: {error.error_string} Export it again and resend."
    )


def cut_off() -> AudioUndecodable:
    """The error of a file that ends too early."""
    return AudioUndecodable(
        "The recording is cut off: it ends before the length that its header gives. Send the whole file."
    )


def check_length(n_samples: int, sampling_rate: int, min_seconds: float, max_seconds: float) -> None:
    """Raise unless a recording is as long as is accepted; an empty one never is.

    Raises:
        AudioTooShort: shorter than `min_seconds`, or empty.
        AudioTooLong: longer than `max_seconds`.
    """
    if n_samples > int(max_seconds * sampling_rate):
        raise AudioTooLong(
            f"The recording is longer than {max_seconds:g} s, the most that is accepted. Send a part."
        )
    if n_samples == 0 or n_samples < min_seconds * sampling_rate:
        raise AudioTooShort(
            f"The recording lasts {n_samples / sampling_rate:.3f} s; "
            f"at least {min_seconds:g} s of sound are needed."
        )


def check_finite(samples: NDArray[np.float32]) -> None:
    """Raise unless every sample is a finite number.

    Raises:
        AudioUndecodable: one is not.
    """
    if not np.isfinite(samples).all():
        raise AudioUndecodable("The recording holds samples that are not finite numbers (NaN or infinity).")


def check_format(file: soundfile.SoundFile) -> None:
    """Raise unless container, codec, sampling rate and channels are on the list.

    Raises:
        UnsupportedMediaType: the container or the codec is not.
        AudioUndecodable: the sampling rate or the number of channels is not.
    """
    if file.format not in CONTAINERS or file.subtype not in CODECS:
        raise UnsupportedMediaType(
            f"{file.format} with codec {file.subtype} is not accepted. "
            "Send WAV as PCM, float, A-law or mu-law, or FLAC."
        )
    if not MIN_SAMPLING_RATE <= file.samplerate <= MAX_SAMPLING_RATE:
        raise AudioUndecodable(
            f"The sampling rate is {file.samplerate} Hz; "
            f"{MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz are accepted."
        )
    if file.channels > MAX_CHANNELS:
        raise AudioUndecodable(
            f"The recording has {file.channels} channels; at most {MAX_CHANNELS} are accepted."
        )


def select_channel(signal: Signal, channel: Channel) -> Signal:
    """Take one channel, or the mean of all.

    Args:
        signal: shape (n_channels, n_samples).
        channel: an index from 0, or `mix`.

    Returns:
        A signal of shape (1, n_samples).

    Raises:
        ChannelNotFound: the signal has no channel of that index.
    """
    if channel == "mix":
        return Signal(signal.samples.mean(axis=0, keepdims=True), signal.sampling_rate)
    if not 0 <= channel < signal.n_channels:
        raise ChannelNotFound(
            f"The recording has no channel {channel}: it has {signal.n_channels}, and the first is 0."
        )
    return Signal(signal.samples[channel : channel + 1], signal.sampling_rate)


def resample(signal: Signal, sampling_rate: int) -> Signal:
    """Bring a signal to another sampling rate.

    Args:
        signal: at any rate.
        sampling_rate: the rate wanted, in Hz.

    Returns:
        The signal at that rate (the same object if it is there already).
    """
    if signal.sampling_rate == sampling_rate:
        return signal
    samples = soxr.resample(signal.samples.T, signal.sampling_rate, sampling_rate)
    return Signal(np.ascontiguousarray(samples.T), sampling_rate)
