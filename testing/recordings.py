"""Recordings for the tests: the shared corpora and generated signals."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "utterance.wav"


def corpora() -> Path:
    """Return the folder of labeled speech. Without this folder, a test is skipped; in CI it fails."""
    folder = Path(os.environ.get("SPEECH_CORPORA", ROOT.parent / "shared" / "speech"))
    if not folder.is_dir():
        reason = f"no labeled speech at {folder}; set SPEECH_CORPORA to its folder"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def speech(name: str = "03a01Fa") -> NDArray[np.float32]:
    """Return an utterance of EMO-DB as float32, shape (n_samples,), at 16 kHz."""
    samples, _ = soundfile.read(corpora() / "emodb" / "audio" / f"{name}.flac", dtype="float32")
    return np.asarray(samples, np.float32)


def tone(seconds: float = 1.0, sampling_rate: int = 16_000, channels: int = 1) -> NDArray[np.float32]:
    """Return a sum of harmonics that rises and falls: shape (n_samples,) or (n_samples, channels)."""
    time = np.arange(sampling_rate) / sampling_rate
    harmonics = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 8))
    second = (0.2 * harmonics * (1.1 + np.sin(2 * np.pi * 3 * time))).astype(np.float32)
    samples = np.resize(second, int(seconds * sampling_rate))  # all frequencies are whole numbers
    return samples if channels == 1 else np.stack([samples / (k + 1) for k in range(channels)], axis=1)


def ringing(seconds: float = 1.0, sampling_rate: int = 16_000) -> NDArray[np.float32]:
    """Return the ringing tone of a telephone, 425 Hz (ITU-T E.180): shape (n_samples,)."""
    time = np.arange(int(seconds * sampling_rate)) / sampling_rate
    return (0.2 * np.sin(2 * np.pi * 425 * time)).astype(np.float32)


def encode(
    samples: NDArray[np.float32],
    sampling_rate: int = 16_000,
    subtype: str | None = "PCM_16",
    container: str = "WAV",
    **settings: str | float,
) -> bytes:
    """Encode samples of the shape (n_samples,) or (n_samples, n_channels) as an audio file.

    Args:
        samples: the samples.
        sampling_rate: the sampling rate, in Hz.
        subtype: the codec, by its name in libsndfile.
        container: the container, by its name in libsndfile.
        settings: `bitrate_mode` and `compression_level` of soundfile.
    """
    file = io.BytesIO()
    n_channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(
        file, "w", sampling_rate, n_channels, subtype, format=container, **settings
    ) as sound:
        # libsndfile needs more stack than there is for many samples of Vorbis at a time.
        for start in range(0, len(samples), sampling_rate):
            sound.write(samples[start : start + sampling_rate])
    return file.getvalue()


CODECS: dict[str, tuple[str, str]] = {
    "wav": ("WAV", "PCM_16"),
    "rf64": ("RF64", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "ULAW"),
    "caf": ("CAF", "PCM_16"),
    "gsm": ("WAV", "GSM610"),
    "ima-adpcm": ("WAV", "IMA_ADPCM"),
    "ms-adpcm": ("WAV", "MS_ADPCM"),
    "g721": ("AU", "G721_32"),
    "g721-wav": ("WAV", "G721_32"),
    "g723-24": ("AU", "G723_24"),
    "g723-40": ("AU", "G723_40"),
}
"""A container and a codec of libsndfile for each kind of recording that the service can accept."""
NOT_ENABLED = {
    "caf": "caf",
    "gsm": "gsm",
    "ima-adpcm": "adpcm",
    "ms-adpcm": "adpcm",
    **dict.fromkeys(("g721", "g721-wav", "g723-24", "g723-40"), "g72x"),
}
"""The kinds that are not accepted by default, with the name in SER_FORMATS that enables them."""


def encode_as(kind: str, samples: NDArray[np.float32], sampling_rate: int = 16_000) -> bytes:
    """Encode samples as one of the kinds of `CODECS`."""
    container, codec = CODECS[kind]
    return encode(samples, sampling_rate, codec, container)


def two_voices() -> NDArray[np.float32]:
    """Return two voices of EMO-DB that take turns, three each, with short pauses: shape (n_samples,)."""
    pause = np.zeros(3_200, np.float32)
    names = ("08a01Fd", "03a01Fa", "08a01Na", "03a01Nc", "08a01Wa", "03a01Wa")
    return np.concatenate([part for name in names for part in (speech(name), pause)])


def call(repeats: int) -> bytes:
    """Return a stereo call of real speech. Each repeat lasts about four seconds."""
    first, second = speech("03a01Fa"), speech("03a01Nc")
    pause = np.zeros(8_000, np.float32)
    agent = np.concatenate([first, pause, np.zeros_like(second), pause])
    customer = np.concatenate([np.zeros_like(first), pause, second, pause])
    return encode(np.tile(np.stack([agent, customer], axis=1), (repeats, 1)), 16_000, "ULAW")
