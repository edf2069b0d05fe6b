"""Features of utterances, computed once.

The cache is a folder of .npz files, one an utterance, named by the SHA-256 of the recording; the
folder is named by a digest of all else that decides the result. Each file appears whole as soon
as it is computed: a run that is interrupted goes on where it stopped.
"""

import hashlib
import inspect
import json
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import app.core.audio
import app.core.binding
import app.core.features
import app.core.log_mel
import app.core.riff
import training.conditions
import training.encoder.extractor
from app.core.audio import Signal, decode, select_channel
from app.core.errors import AudioError
from app.core.features import SINKS, FeatureConfig, FeatureExtractor, Features
from training.conditions import CONDITIONS
from training.corpora import Utterance
from training.encoder.convert import encoder_path
from training.encoder.extractor import ENCODER, N_LAYERS, EncoderExtractor
from training.errors import TrainingError
from training.files import to_npz, write_whole


@dataclass(frozen=True, slots=True)
class Extracted:
    """The features of some utterances.

    Attributes:
        utterances: that have features under every condition.
        features: for each condition, those of every utterance, read from the cache at each access.
        sha256: of the recordings' SHA-256, one a line.
        folders: for each condition, a name for all else that decides the numbers.
        feature_set: the name of the features.
    """

    utterances: Sequence[Utterance]
    features: Mapping[str, "KeptFeatures"]
    sha256: str
    folders: Mapping[str, str]
    feature_set: str


def extract(
    utterances: Sequence[Utterance],
    config: FeatureConfig,
    cache_folder: Path,
    *,
    conditions: Sequence[str] = ("clean",),
    skip_undecodable: bool = False,
) -> Extracted:
    """Take the features of utterances from the cache, filling it where they are missing.

    Args:
        utterances: whose recordings are read; several channels are mixed to one.
        config: what to extract.
        cache_folder: kept from run to run.
        conditions: under which the recordings are heard, names in `CONDITIONS`.
        skip_undecodable: leave out recordings that cannot be analysed, instead of raising.

    Raises:
        TrainingError: recordings cannot be analysed; the message names and counts them.
    """
    hashes = [_sha256(utterance.path) for utterance in tqdm(utterances, "hashing", leave=False)]
    folders = {condition: cache_folder / _digest(config, condition) for condition in conditions}
    failures: dict[Path, str] = {}
    for condition, folder in folders.items():
        failures |= _fill(utterances, hashes, folder, config, condition)
        if failures and not skip_undecodable:
            shown = "\n".join(f"  {audio}: {reason}" for audio, reason in sorted(failures.items())[:10])
            raise TrainingError(
                f"{len(failures)} of {len(utterances)} recordings cannot be analysed; mend them, or leave "
                f"them out with --skip-undecodable:\n{shown}"
            )
    kept = [index for index, utterance in enumerate(utterances) if utterance.path not in failures]
    if not kept:
        raise TrainingError("there is no recording to train on")
    recordings = hashlib.sha256("\n".join(hashes[index] for index in kept).encode()).hexdigest()
    return Extracted(
        [utterances[index] for index in kept],
        {
            condition: KeptFeatures([folder / f"{hashes[index]}.npz" for index in kept])
            for condition, folder in folders.items()
        },
        recordings,
        {condition: folder.name for condition, folder in folders.items()},
        config.feature_set,
    )


def _fill(
    utterances: Sequence[Utterance],
    hashes: Sequence[str],
    folder: Path,
    config: FeatureConfig,
    condition: str,
) -> dict[Path, str]:
    """Compute what is missing in a folder of the cache; the recordings that fail, and why."""
    paths = {folder / f"{name}.npz": one.path for name, one in zip(hashes, utterances, strict=True)}
    missing = {path: audio for path, audio in paths.items() if not path.is_file()}
    run = joblib.Parallel(n_jobs=len(os.sched_getaffinity(0)), return_as="generator_unordered")
    jobs = (joblib.delayed(_extract_one)(audio, path, config, condition) for path, audio in missing.items())
    name = f"{config.feature_set} {condition}"
    return dict(filter(None, tqdm(run(jobs), name, len(missing), disable=not missing)))


@cache
def _digest(config: FeatureConfig, condition: str) -> str:
    """A name for all that decides the features of a recording: settings, libraries, our code."""
    settings = [asdict(config), condition, sources_digest(config, training.conditions)]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return f"{config.feature_set}-{condition}-{digest}"


def sources_digest(config: FeatureConfig, *modules: ModuleType) -> str:
    """SHA-256 of the code, data and libraries that compute features.

    Args:
        config: of the features.
        modules: of the code that comes before: what makes the signal.
    """
    own: list[ModuleType] = [app.core.audio, app.core.riff]
    if config.feature_set == ENCODER:
        own += [app.core.log_mel, training.encoder.extractor]
        files = [encoder_path(N_LAYERS)]
    else:
        own += [app.core.binding, app.core.features]
        files = sorted(SINKS.iterdir())
    digest = hashlib.sha256()
    for module in (*own, *modules):
        digest.update(inspect.getsource(module).encode())
    for file in files:
        digest.update(file.read_bytes())
    for library in ("numpy", "onnxruntime", "opensmile", "scipy", "soundfile", "soxr"):
        digest.update(f"{library} {version(library)}".encode())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


_one_at_a_time = threading.Lock()  # openSMILE is not safe in threads, which a worker of Dask may have


def _extract_one(audio: Path, path: Path, config: FeatureConfig, condition: str) -> tuple[Path, str] | None:
    """Compute and keep the features of one recording; the recording and the reason if it fails."""
    if _digest(config, condition) != path.parent.name:
        raise TrainingError(f"{socket.gethostname()} has other code or libraries than this machine")
    # The recording's own hash seeds what is random in the condition.
    seed = [int(path.stem[:16], 16), *condition.encode()]
    try:
        signal = select_channel(decode(audio.read_bytes()), "mix")
        signal = CONDITIONS[condition](signal, np.random.default_rng(seed))
        with _one_at_a_time:
            features = make_extractor(config).extract(signal)
    except AudioError as error:
        return audio, str(error)
    write_whole(path, to_npz(features._asdict()))
    return None


@dataclass(frozen=True)
class KeptFeatures(Sequence[Features]):
    """The features of utterances in the cache; the descriptors are read at each access.

    Attributes:
        paths: of the files.
    """

    paths: Sequence[Path]

    def __len__(self) -> int:
        """The number of utterances."""
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401  # one, or a list for a slice
        """Read the features of one utterance, or of those of a slice."""
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        with np.load(self.paths[index]) as arrays:
            return Features(**arrays)

    @cached_property
    def functionals(self) -> NDArray[np.float32]:
        """Those of all utterances, shape (n, n_functionals)."""
        return np.stack([self._read(path, "functionals") for path in self.paths])

    def descriptors(self, index: int) -> NDArray[np.float32]:
        """Those of one utterance, shape (n_frames, n_descriptors)."""
        return self._read(self.paths[index], "descriptors").astype(np.float32)

    @staticmethod
    def _read(path: Path, level: str) -> NDArray[np.float32]:
        with np.load(path) as arrays:
            values: NDArray[np.float32] = arrays[level]
            return values


class Extractor(Protocol):
    """Computes features: openSMILE, or the encoder."""

    def extract(self, signal: Signal) -> Features:
        """Compute the features of a signal of one channel."""


@cache
def make_extractor(config: FeatureConfig) -> Extractor:
    """The extractor of this process for a set of features."""
    return EncoderExtractor() if config.feature_set == ENCODER else FeatureExtractor(config)
