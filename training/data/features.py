"""Cached features of utterances.

The cache is a folder of .npz files, one for each utterance. The SHA-256 of the recording is the name of
its file. A digest of everything else that determines the features is the name of the folder. Each file
is written atomically as soon as it is computed, so an interrupted run resumes at the next utterance.

A run reads functionals in random order, so that it copies those of its utterances to one file. The file is
mapped to memory: the kernel keeps only the rows in use.
"""

import hashlib
import inspect
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import app.core.audio
import app.core.binding
import app.core.decoder
import app.core.features
import app.core.log_mel
import training.data.codecs
import training.data.conditions
import training.encoder.extractor
from app.core import containers
from app.core.audio import Signal, decode, select_channel
from app.core.containers import flac, header, riff
from app.core.errors import AudioError
from app.core.features import SINKS, FeatureConfig, FeatureExtractor, FeatureValues
from app.core.files import write_whole
from training.arrays import to_npz, write_rows
from training.data.conditions import CONDITIONS
from training.data.corpora import Utterance
from training.encoder.convert import encoder_path
from training.encoder.extractor import ENCODER, N_LAYERS, EncoderExtractor
from training.errors import TrainingError, undecodable
from training.processes import run


@dataclass(frozen=True, slots=True)
class Extracted:
    """The features of some utterances.

    Attributes:
        utterances: the utterances that have features under every condition.
        features: the features of every utterance by condition, read from the cache at each access.
        sha256: the SHA-256 of the list of the recordings' SHA-256, one on each line.
        folders: the name of the cache folder by condition.
        feature_set: the name of the feature set.
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
    """Return the features of utterances from the cache, and compute those that it lacks.

    Args:
        utterances: the utterances; several channels of a recording are mixed to one.
        config: the features to extract.
        cache_folder: the folder of the cache, which later runs use again.
        conditions: the conditions to apply to the recordings, names in `CONDITIONS`.
        skip_undecodable: skip recordings that cannot be analyzed, instead of raising.

    Raises:
        TrainingError: recordings cannot be analyzed; the message names and counts them.
    """
    hashes = [_sha256(utterance.path) for utterance in tqdm(utterances, "hashing", leave=False)]
    folders = {condition: cache_folder / _digest(config, condition) for condition in conditions}
    failures: dict[Path, str] = {}
    for condition, folder in folders.items():
        failures |= _fill(utterances, hashes, folder, config, condition)
        if failures and not skip_undecodable:
            raise undecodable(sorted(failures.items()), len(utterances))
    kept = [index for index, utterance in enumerate(utterances) if utterance.path not in failures]
    if not kept:
        raise TrainingError("no recording is left: check the path and the recordings of the corpus")
    return _extracted(
        [utterances[index] for index in kept], [hashes[index] for index in kept], folders, config
    )


def look_up(
    utterances: Sequence[Utterance],
    config: FeatureConfig,
    cache_folder: Path,
    *,
    conditions: Sequence[str] = ("clean",),
) -> tuple[Extracted, dict[str, int]]:
    """Find features in the cache without computing any.

    Args:
        utterances: the utterances.
        config: the features.
        cache_folder: the folder of the cache.
        conditions: the conditions of the recordings, names in `CONDITIONS`.

    Returns:
        The features of all utterances, which cannot be read where the cache lacks them, and the number of
        utterances that the cache has under each condition.
    """
    hashes = [_sha256(utterance.path) for utterance in tqdm(utterances, "hashing", leave=False)]
    folders = {condition: cache_folder / _digest(config, condition) for condition in conditions}
    found = {
        condition: sum((folder / f"{name}.npz").is_file() for name in hashes)
        for condition, folder in folders.items()
    }
    return _extracted(utterances, hashes, folders, config), found


def _extracted(
    utterances: Sequence[Utterance],
    hashes: Sequence[str],
    folders: Mapping[str, Path],
    config: FeatureConfig,
) -> Extracted:
    """Return the features of utterances by the hashes of their recordings."""
    return Extracted(
        utterances,
        {
            condition: KeptFeatures([folder / f"{name}.npz" for name in hashes])
            for condition, folder in folders.items()
        },
        hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
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
    """Compute the missing files of a cache folder. Return the recordings that fail, with the reasons."""
    paths = {folder / f"{name}.npz": one.path for name, one in zip(hashes, utterances, strict=True)}
    missing = {path: audio for path, audio in paths.items() if not path.is_file()}
    jobs = ((audio, path, config, condition) for path, audio in missing.items())
    name = f"{config.feature_set} {condition}"
    return dict(filter(None, run(_extract_one, jobs, len(missing), name, in_order=False)))


@cache
def _digest(config: FeatureConfig, condition: str) -> str:
    """Return a folder name for the settings, libraries and code that determine the features."""
    settings = [
        asdict(config),
        condition,
        sources_digest(config, training.data.conditions, training.data.codecs),
    ]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return f"{config.feature_set}-{condition}-{digest}"


def sources_digest(config: FeatureConfig, *modules: ModuleType) -> str:
    """Return the SHA-256 of the code, data and libraries that compute features.

    Args:
        config: the configuration of the features.
        modules: further modules, which compute the signal.
    """
    own: list[ModuleType] = [app.core.audio, app.core.decoder, containers, header, riff, flac]
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
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


_one_at_a_time = threading.Lock()  # openSMILE is not thread-safe, and a Dask worker may have several threads


def _extract_one(audio: Path, path: Path, config: FeatureConfig, condition: str) -> tuple[Path, str] | None:
    """Compute and cache the features of one recording. Return the recording and the reason on failure."""
    if _digest(config, condition) != path.parent.name:
        raise TrainingError(
            f"{socket.gethostname()} has other code or libraries than this machine; install "
            "the same version on both"
        )
    # The hash of the recording seeds the random values of the condition.
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
class KeptFeatures(Sequence[FeatureValues]):
    """The cached features of utterances. The descriptors are read at each access.

    Attributes:
        paths: the paths of the files.
    """

    paths: Sequence[Path]

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401  # one, or a list for a slice
        """Read the features of one utterance, or a list of features for a slice."""
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        with np.load(self.paths[index]) as arrays:
            return FeatureValues(**arrays)

    @property
    def matrix(self) -> Path:
        """The path of the file with the functionals of all utterances."""
        names = "\n".join(path.name for path in self.paths)
        digest = hashlib.sha256(names.encode()).hexdigest()[:16]
        return self.paths[0].parent / f"functionals-{digest}.npy"

    @cached_property
    def functionals(self) -> NDArray[np.float32]:
        """The functionals of all utterances, shape (n, n_functionals), mapped to memory and read-only."""
        if not self.matrix.is_file():
            rows = (self._read(one, "functionals") for one in tqdm(self.paths, "functionals", leave=False))
            write_rows(self.matrix, len(self.paths), rows)
        mapped: NDArray[np.float32] = np.load(self.matrix, mmap_mode="r")
        return mapped

    def descriptors(self, index: int) -> NDArray[np.float32]:
        """Return the descriptors of one utterance, shape (n_frames, n_descriptors)."""
        return self._read(self.paths[index], "descriptors").astype(np.float32)

    @staticmethod
    def _read(path: Path, level: str) -> NDArray[np.float32]:
        with np.load(path) as arrays:
            values: NDArray[np.float32] = arrays[level]
            return values


class Extractor(Protocol):
    """An extractor of features: openSMILE or the encoder."""

    def extract(self, signal: Signal) -> FeatureValues:
        """Compute the features of a mono signal."""


@cache
def make_extractor(config: FeatureConfig) -> Extractor:
    """Return the extractor of a feature set, which this process creates once."""
    return EncoderExtractor() if config.feature_set == ENCODER else FeatureExtractor(config)
