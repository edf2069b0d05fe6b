"""Features of utterances, computed once.

The cache is a folder of .npz files, one an utterance, named by the SHA-256 of the recording; the
folder is named by a digest of all else that decides the result. Each file appears whole as soon
as it is computed: a run that is interrupted goes on where it stopped.
"""

import hashlib
import inspect
import io
import json
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
from tqdm import tqdm

import app.core.audio
import app.core.features
import training.conditions
from app.core.audio import decode, select_channel
from app.core.errors import AudioError
from app.core.features import SINKS, FeatureConfig, FeatureExtractor, Features
from training.conditions import CONDITIONS
from training.corpora import Utterance
from training.errors import TrainingError
from training.files import write_whole


@dataclass(frozen=True, slots=True)
class Extracted:
    """The features of some utterances.

    Attributes:
        utterances: that have features under every condition.
        features: for each condition, those of every utterance.
        sha256: of the recordings' SHA-256, one a line.
        folders: for each condition, a name for all else that decides the numbers.
    """

    utterances: Sequence[Utterance]
    features: Mapping[str, Sequence[Features]]
    sha256: str
    folders: Mapping[str, str]


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
            condition: [
                _read(folder / f"{hashes[index]}.npz") for index in tqdm(kept, "reading", leave=False)
            ]
            for condition, folder in folders.items()
        },
        recordings,
        {condition: folder.name for condition, folder in folders.items()},
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
    modules = [app.core.audio, app.core.features]
    if condition != "clean":
        modules.append(training.conditions)
    sources = [inspect.getsource(module) for module in modules]
    sources += [path.read_text(encoding="utf-8") for path in sorted(SINKS.iterdir())]
    libraries = {name: version(name) for name in ("opensmile", "scipy", "soundfile", "soxr")}
    text = json.dumps([asdict(config), condition, libraries, sources], sort_keys=True)
    return f"{config.feature_set}-{condition}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


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
            features = _extractor(config).extract(signal)
    except AudioError as error:
        return audio, str(error)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **features._asdict())
    write_whole(path, buffer.getvalue())
    return None


def _read(path: Path) -> Features:
    """Read the features of one recording."""
    with np.load(path) as arrays:
        return Features(**arrays)


@cache
def _extractor(config: FeatureConfig) -> FeatureExtractor:
    """One extractor a process."""
    return FeatureExtractor(config)
