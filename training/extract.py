"""Features of utterances, computed once.

The cache is a folder of .npy files, one an utterance, named by the SHA-256 of the recording; the
folder is named by a digest of all else that decides the result. Each file appears whole as soon
as it is computed: a run that is interrupted goes on where it stopped.
"""

import hashlib
import inspect
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import app.core.audio
import app.core.features
from app.core.audio import decode, select_channel
from app.core.errors import AudioError
from app.core.features import FeatureConfig, FeatureExtractor
from training.corpora import Utterance
from training.errors import TrainingError
from training.files import write_whole

Features = NDArray[np.float32]


def extract(
    utterances: Sequence[Utterance],
    config: FeatureConfig,
    cache_folder: Path,
    *,
    skip_undecodable: bool = False,
) -> tuple[list[Utterance], Features]:
    """Take the features of utterances from the cache, filling it where they are missing.

    Args:
        utterances: whose recordings are read; several channels are mixed to one.
        config: what to extract.
        cache_folder: kept from run to run.
        skip_undecodable: leave out recordings that cannot be analysed, instead of raising.

    Returns:
        The utterances that have features, and the features: float32, (n_utterances, n_features).

    Raises:
        TrainingError: recordings cannot be analysed; the message names and counts them.
    """
    folder = cache_folder / _digest(config)
    paths = [
        folder / f"{_sha256(utterance.path)}.npy" for utterance in tqdm(utterances, "hashing", leave=False)
    ]
    missing = {
        path: utterance.path for path, utterance in zip(paths, utterances, strict=True) if not path.is_file()
    }
    run = joblib.Parallel(n_jobs=len(os.sched_getaffinity(0)), return_as="generator_unordered")
    jobs = (joblib.delayed(_extract_one)(audio, path, config) for path, audio in missing.items())
    failures = dict(filter(None, tqdm(run(jobs), config.feature_set, len(missing), disable=not missing)))
    if failures and not skip_undecodable:
        shown = "\n".join(f"  {audio}: {reason}" for audio, reason in sorted(failures.items())[:10])
        raise TrainingError(
            f"{len(failures)} of {len(paths)} recordings cannot be analysed; mend them, or leave "
            f"them out with --skip-undecodable:\n{shown}"
        )
    kept = [index for index, path in enumerate(paths) if path.is_file()]
    if not kept:
        raise TrainingError("there is no recording to train on")
    return [utterances[index] for index in kept], np.stack([np.load(paths[index]) for index in kept])


def _digest(config: FeatureConfig) -> str:
    """A name for all that decides the features of a recording: settings, libraries, our code."""
    sources = [inspect.getsource(module) for module in (app.core.audio, app.core.features)]
    libraries = {name: version(name) for name in ("opensmile", "soundfile", "soxr")}
    text = json.dumps([asdict(config), libraries, sources], sort_keys=True)
    return f"{config.feature_set}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _extract_one(audio: Path, path: Path, config: FeatureConfig) -> tuple[Path, str] | None:
    """Compute and keep the features of one recording; the recording and the reason if it fails."""
    try:
        signal = select_channel(decode(audio.read_bytes()), "mix")
        features = _extractor(config).extract(signal)
    except AudioError as error:
        return audio, str(error)
    buffer = io.BytesIO()
    np.save(buffer, features, allow_pickle=False)
    write_whole(path, buffer.getvalue())
    return None


@cache
def _extractor(config: FeatureConfig) -> FeatureExtractor:
    """One extractor a process."""
    return FeatureExtractor(config)
