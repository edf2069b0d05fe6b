"""Facts of recordings: format, duration, level, clipping, silence, and what identifies copies.

The facts of a recording are kept in a folder as soon as they are measured, so an interrupted run resumes at
the next recording. The SHA-256 of the file names its facts. A digest of the code and the libraries that
measure them names the folder.
"""

import hashlib
import inspect
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import app.core.audio
import app.core.decoder
import app.core.log_mel
import app.core.loudness
import app.core.speech
import training.data.fingerprint
from app.core import containers
from app.core.audio import Signal, decode, select_channel
from app.core.containers import flac, header, riff
from app.core.errors import AudioError
from app.core.files import write_whole
from app.core.loudness import FRAME_SECONDS, loudness_of
from app.core.speech import SpeechDetector
from training.data.fingerprint import fingerprint
from training.processes import run

FULL_SCALE = 32767 / 32768
"""The magnitude at which a sample counts as clipped: the largest value of 16 bits."""

SILENT_BELOW = 30.0
"""A frame is silent if its power is this much below the level of the speech, in dB. Our choice: about twice
the margin of ITU-T P.56 between speech and pause (`app.core.loudness.MARGIN`)."""


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """The facts of one decoded recording.

    Attributes:
        codec: the codec, by its name in libsndfile.
        sampling_rate: the sampling rate, in Hz.
        n_channels: the number of channels.
        duration: the duration, in seconds.
        level: the level of the speech without its pauses, in dBov; None if every sample is zero.
        clipped: the share of samples at full scale, from 0 to 1.
        leading: the silence before the first sound, in seconds.
        trailing: the silence after the last sound, in seconds.
        silence: all silence, also within the utterance, in seconds.
        speech: the share of the duration that the speech detector marks as speech; None if it did not run.
        sha256: the SHA-256 of the decoded samples, the shape and the sampling rate.
        fingerprint: the fingerprint of the mean of the channels; empty if the recording is silent or too
            short to have one.
    """

    codec: str
    sampling_rate: int
    n_channels: int
    duration: float
    level: float | None
    clipped: float
    leading: float
    trailing: float
    silence: float
    speech: float | None
    sha256: str
    fingerprint: NDArray[np.float16]


def measure(paths: Sequence[Path], cache_folder: Path, *, speech: bool) -> list[RecordingFacts | str]:
    """Return the facts of recordings from the cache, and measure those that it lacks.

    Args:
        paths: the recordings.
        cache_folder: the folder of the cache, which later runs use again.
        speech: True also runs the speech detector.

    Returns:
        The facts of each recording, or the reason if it cannot be decoded, in the order of `paths`.
    """
    folder = cache_folder / _digest(speech=speech)
    return run(_kept, ((path, folder, speech) for path in paths), len(paths), "measuring")


def _kept(path: Path, folder: Path, speech: bool) -> RecordingFacts | str:  # noqa: FBT001  # of joblib
    """Return the facts of one recording from the cache, or measure and keep them."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"The file cannot be read: {error.strerror}."
    kept = folder / f"{hashlib.sha256(data).hexdigest()}.json"
    if kept.is_file():
        return _from_json(kept.read_bytes())
    try:
        facts = facts_of(data, speech=speech)
    except AudioError as error:
        return str(error)
    write_whole(kept, _to_json(facts))
    return facts


def facts_of(data: bytes, *, speech: bool = False) -> RecordingFacts:
    """Measure one recording.

    Args:
        data: the content of the file.
        speech: True also runs the speech detector.

    Raises:
        AudioError: the recording cannot be decoded.
    """
    signal = decode(data)
    mono = select_channel(signal, "mix")
    print_of = fingerprint(mono)
    level = loudness_of(mono)
    leading, trailing, silence = _silence(mono, level)
    return RecordingFacts(
        codec=_codec(data),
        sampling_rate=signal.sampling_rate,
        n_channels=signal.n_channels,
        duration=signal.duration,
        level=level,
        clipped=float((np.abs(signal.samples) >= FULL_SCALE).mean()),
        leading=leading,
        trailing=trailing,
        silence=silence,
        speech=float(_detector().detect(mono).mean())
        if speech and signal.duration >= FRAME_SECONDS
        else None,
        sha256=_sha256(signal),
        fingerprint=np.zeros(0, np.float16) if print_of is None else print_of.astype(np.float16),
    )


def _silence(signal: Signal, level: float | None) -> tuple[float, float, float]:
    """Return the silence at the start, at the end and in total, in seconds."""
    size = round(FRAME_SECONDS * signal.sampling_rate)
    n_frames = signal.samples.shape[1] // size
    if level is None:
        return signal.duration, signal.duration, signal.duration
    frames = signal.samples[0, : n_frames * size].reshape(n_frames, size)
    powers = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / size
    loud = np.flatnonzero(powers >= 10 ** ((level - SILENT_BELOW) / 10))
    counts = (loud[0], n_frames - 1 - loud[-1], n_frames - len(loud))
    leading, trailing, total = (round(float(count) * FRAME_SECONDS, 2) for count in counts)
    return leading, trailing, total


def _sha256(signal: Signal) -> str:
    """Return the SHA-256 of decoded samples. A lossless copy in another container has the same."""
    digest = hashlib.sha256(f"{signal.samples.shape} {signal.sampling_rate} ".encode())
    digest.update(signal.samples.tobytes())
    return digest.hexdigest()


def _codec(data: bytes) -> str:
    """Return the codec that the header names."""
    return containers.identify(io.BytesIO(data)).codec


@cache
def _detector() -> SpeechDetector:
    """Return the speech detector, which each process creates once."""
    return SpeechDetector()


@cache
def _digest(*, speech: bool) -> str:
    """Return a folder name for the code and the libraries that determine the facts."""
    modules = (
        *(app.core.audio, app.core.decoder, app.core.log_mel, app.core.loudness, app.core.speech),
        *(containers, header, riff, flac, training.data.fingerprint),
    )
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for module in modules:
        digest.update(inspect.getsource(module).encode())
    for library in ("numpy", "onnxruntime", "scipy", "soundfile", "soxr"):
        digest.update(f"{library} {version(library)}".encode())
    return f"recordings-{'speech-' if speech else ''}{digest.hexdigest()[:16]}"


def _to_json(facts: RecordingFacts) -> bytes:
    """Serialize facts."""
    return json.dumps(asdict(facts) | {"fingerprint": facts.fingerprint.tobytes().hex()}).encode()


def _from_json(content: bytes) -> RecordingFacts:
    """Parse what `_to_json` wrote."""
    values: dict[str, Any] = json.loads(content)
    prints = np.frombuffer(bytes.fromhex(values.pop("fingerprint")), np.float16)
    return RecordingFacts(**values, fingerprint=prints)
