"""Decoding of a recording to a `Signal`, selection of a channel, and resampling.

`app.core.containers` decides which files are accepted, and `app.core.decoder` decodes their samples. Every
sample must be finite, and the file must contain all samples that its header declares.
"""

import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from app.core import decoder
from app.core.containers import DEFAULT_FORMATS, identify
from app.core.containers.header import LINEAR, Header, cut_off
from app.core.errors import AudioTooLong, AudioTooShort, AudioUndecodable, ChannelNotFound

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


def decode(
    data: bytes,
    *,
    min_seconds: float = 0.0,
    max_seconds: float = 3600.0,
    formats: Collection[str] = DEFAULT_FORMATS,
) -> Signal:
    """Decode a recording.

    Args:
        data: the content of the file.
        min_seconds: the duration of the shortest accepted recording. An empty recording is never accepted.
        max_seconds: the duration of the longest accepted recording. Decoding stops at this duration, even
            if a small file expands to more.
        formats: the enabled formats, by the names of `containers.FORMATS`.

    Returns:
        All channels, at the sampling rate of the file.

    Raises:
        UnsupportedMediaType: the format of the file is unknown or not enabled.
        AudioUndecodable: the file is damaged, cut off or not finite, or its number of channels or its
            sampling rate is out of range.
        AudioTooShort: the recording is shorter than `min_seconds`, or empty.
        AudioTooLong: the recording is longer than `max_seconds`.
    """
    file = io.BytesIO(data)
    header = identify(file, formats)
    if header.n_samples is not None:
        check_length(header.n_samples, header.sampling_rate, min_seconds, max_seconds)
    # The length of some files is unknown, so that the read itself is bounded.
    samples = decoder.read(file, header, 0, int(max_seconds * header.sampling_rate) + 1)
    check_complete(header, len(samples), header.n_samples)
    check_length(len(samples), header.sampling_rate, min_seconds, max_seconds)
    check_finite(samples)
    return Signal(np.ascontiguousarray(samples.T), header.sampling_rate)


def check_complete(header: Header, n_samples: int, n_expected: int | None) -> None:
    """Check that a recording has the samples that its header declares.

    The damaged parts of a file with a lossy codec are missing; people hear such a recording, too.

    Raises:
        AudioUndecodable: samples of a lossless codec are missing.
    """
    if header.codec in LINEAR | {"FLAC"} and n_expected is not None and n_samples < n_expected:
        raise cut_off()


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
