"""Decoding of audio to a `Signal`, selection of a channel, and resampling.

soundfile (libsndfile) decodes, and soxr resamples. This module decides which files are accepted: WAV
(RIFF, WAVEX, RF64) and FLAC, the codecs of `CODECS`, 8 to 48 kHz, and up to eight channels. Every sample
must be finite, and the file must contain all samples that its header declares.
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
"""The first four bytes of an accepted file."""
FRAMES_UNKNOWN = 2**62
"""A limit on plausible lengths. libsndfile reports about 2**63 frames if a FLAC header lacks the length."""

Channel = int | Literal["mix"]
"""A channel: its index, counted from 0, or `mix` for the mean of all channels."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A sampled audio signal.

    Attributes:
        samples: the samples, float32, shape (n_channels, n_samples); full scale is ±1.
        sampling_rate: the sampling rate, in Hz.
    """

    samples: NDArray[np.float32]
    sampling_rate: int

    @property
    def n_channels(self) -> int:
        """The number of channels."""
        return int(self.samples.shape[0])

    @property
    def duration(self) -> float:
        """The duration, in seconds."""
        return float(self.samples.shape[1] / self.sampling_rate)


def decode(data: bytes, *, min_seconds: float = 0.0, max_seconds: float = 3600.0) -> Signal:
    """Decode a WAV or FLAC file.

    Args:
        data: the content of the file.
        min_seconds: the duration of the shortest accepted recording. An empty recording is never accepted.
        max_seconds: the duration of the longest accepted recording. Decoding stops at this duration, even
            if a small file expands to more.

    Returns:
        All channels, at the sampling rate of the file.

    Raises:
        UnsupportedMediaType: the file is neither WAV nor FLAC, or its codec is not accepted.
        AudioUndecodable: the file is damaged, cut off or not finite, or its number of channels or its
            sampling rate is out of range.
        AudioTooShort: the recording is shorter than `min_seconds`, or empty.
        AudioTooLong: the recording is longer than `max_seconds`.
    """
    if data[:4] not in MAGIC:
        raise not_a_recording()
    try:
        with _Stream(io.BytesIO(data)) as file:
            check_format(file)
            max_frames = int(max_seconds * file.samplerate)
            # A FLAC file that was written to a pipe lacks its length, so the read itself is bounded.
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
    """A sound file that is read once, from start to end."""

    def seekable(self) -> bool:
        """Return False, since soundfile's seek after each read fails on a FLAC of unknown length."""
        return False


def not_a_recording() -> UnsupportedMediaType:
    """Return the error for a file that is neither WAV nor FLAC."""
    return UnsupportedMediaType("This is not a WAV or FLAC file. Send a WAV (RIFF) or FLAC recording.")


def undecodable(error: soundfile.LibsndfileError) -> AudioUndecodable:
    """Return the error for a file that libsndfile cannot decode."""
    return AudioUndecodable(
        f"The recording cannot be decoded: {error.error_string} Export it again and resend."
    )


def cut_off() -> AudioUndecodable:
    """Return the error for a file that ends too early."""
    return AudioUndecodable(
        "The recording is cut off: it is shorter than its header declares. Send the whole file."
    )


def check_length(n_samples: int, sampling_rate: int, min_seconds: float, max_seconds: float) -> None:
    """Check that the duration of a recording is accepted. An empty recording never is.

    Raises:
        AudioTooShort: the recording is shorter than `min_seconds`, or empty.
        AudioTooLong: the recording is longer than `max_seconds`.
    """
    if n_samples > int(max_seconds * sampling_rate):
        raise AudioTooLong(
            f"The recording is longer than the limit of {max_seconds:g} s. Send a shorter part."
        )
    if n_samples == 0 or n_samples < min_seconds * sampling_rate:
        raise AudioTooShort(
            f"The recording lasts {n_samples / sampling_rate:.3f} s; "
            f"at least {min_seconds:g} s of sound are needed."
        )


def check_finite(samples: NDArray[np.float32]) -> None:
    """Check that every sample is a finite number.

    Raises:
        AudioUndecodable: a sample is NaN or infinite.
    """
    if not np.isfinite(samples).all():
        raise AudioUndecodable(
            "The recording contains samples that are not finite numbers (NaN or infinity). Export it again."
        )


def check_format(file: soundfile.SoundFile) -> None:
    """Check that the container, the codec, the sampling rate and the number of channels are accepted.

    Raises:
        UnsupportedMediaType: the container or the codec is not accepted.
        AudioUndecodable: the sampling rate or the number of channels is out of range.
    """
    if file.format not in CONTAINERS or file.subtype not in CODECS:
        raise UnsupportedMediaType(
            f"{file.format} with codec {file.subtype} is not accepted. "
            "Send WAV as PCM, float, A-law or mu-law, or FLAC."
        )
    if not MIN_SAMPLING_RATE <= file.samplerate <= MAX_SAMPLING_RATE:
        raise AudioUndecodable(
            f"The sampling rate is {file.samplerate} Hz. "
            f"Convert the recording to a rate from {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz."
        )
    if file.channels > MAX_CHANNELS:
        raise AudioUndecodable(f"The recording has {file.channels} channels. Send at most {MAX_CHANNELS}.")


def select_channel(signal: Signal, channel: Channel) -> Signal:
    """Select one channel, or the mean of all channels.

    Args:
        signal: the signal, shape (n_channels, n_samples).
        channel: the index of the channel, counted from 0, or `mix`.

    Returns:
        A signal of shape (1, n_samples).

    Raises:
        ChannelNotFound: the signal has no channel with that index.
    """
    if channel == "mix":
        return Signal(signal.samples.mean(axis=0, keepdims=True), signal.sampling_rate)
    if not 0 <= channel < signal.n_channels:
        raise ChannelNotFound(
            f"The recording has no channel {channel}: it has {signal.n_channels}, counted from 0. "
            "Choose one of them."
        )
    return Signal(signal.samples[channel : channel + 1], signal.sampling_rate)


def resample(signal: Signal, sampling_rate: int) -> Signal:
    """Convert a signal to another sampling rate.

    Args:
        signal: the signal, at any sampling rate.
        sampling_rate: the target sampling rate, in Hz.

    Returns:
        The signal at the target rate; the same object if the signal already has that rate.
    """
    if signal.sampling_rate == sampling_rate:
        return signal
    samples = soxr.resample(signal.samples.T, signal.sampling_rate, sampling_rate)
    return Signal(np.ascontiguousarray(samples.T), sampling_rate)
