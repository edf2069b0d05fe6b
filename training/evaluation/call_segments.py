"""Segments of simulated calls, and their features.

A telephone call is built from some utterances of each speaker. The code of the service detects speech and
cuts it into segments. The features of the segments are cached in one file for each speaker.

The processes that extract features import this file, so it imports no networks.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import app.core.segments
import app.core.speech
import app.core.stretches
import training.data.call_builder
import training.data.conditions
import training.evaluation.simulated_calls
from app.core.features import FeatureConfig, FeatureValues
from app.core.files import write_whole
from training.arrays import to_npz
from training.data.call_builder import SOUNDS
from training.data.corpora import Utterance
from training.data.features import make_extractor, sources_digest
from training.evaluation.simulated_calls import NOTHING, segments_of_call, voices_of
from training.processes import run


@dataclass(frozen=True, slots=True)
class CallSegments:
    """The segments of the call of one speaker.

    Attributes:
        features: the features of n segments.
        utterances: the index in the dataset of the utterance in each segment, or −1 if there is none, shape
            (n,).
        said: the indices of all utterances of the call.
    """

    features: Sequence[FeatureValues]
    utterances: NDArray[np.int64]
    said: NDArray[np.int64]


def extract_calls(
    utterances: Sequence[Utterance], config: FeatureConfig, cache_folder: Path, sound: str
) -> list[CallSegments]:
    """Build a call of each speaker, and extract the features of its segments.

    Args:
        utterances: the utterances of the dataset.
        config: the configuration of the features.
        cache_folder: the folder of the cache, which later runs use again.
        sound: the kind of call, a name in `SOUNDS`.
    """
    folder = cache_folder / _digest(config, sound)
    voices = [[(index, utterances[index]) for index in drawn] for drawn in voices_of(utterances)]
    paths = [folder / f"{_sha256([utterance for _, utterance in voice])}.npz" for voice in voices]
    missing = [(voice, path) for voice, path in zip(voices, paths, strict=True) if not path.is_file()]
    jobs = ((voice, path, config, sound) for voice, path in missing)
    run(_extract_call, jobs, len(missing), f"calls, {sound}", in_order=False)
    return [_read(path, [index for index, _ in voice]) for voice, path in zip(voices, paths, strict=True)]


def share_found(calls: Sequence[CallSegments]) -> float:
    """Return the share of utterances that a segment contains."""
    found = sum(len(set(call.utterances.tolist()) - {NOTHING}) for call in calls)
    return found / sum(len(call.said) for call in calls)


def _extract_call(
    voice: Sequence[tuple[int, Utterance]], path: Path, config: FeatureConfig, sound: str
) -> None:
    """Build the call of one speaker, and cache the features of its segments."""
    segments, places = segments_of_call([utterance.path.read_bytes() for _, utterance in voice], sound)
    extractor = make_extractor(config)
    features = [extractor.extract(segment) for segment in segments]
    arrays = {
        "functionals": np.array([one.functionals for one in features], np.float32),
        "descriptors": np.concatenate(
            [one.descriptors for one in features] or [np.zeros((0, 0), np.float32)]
        ),
        "n_frames": np.array([len(one.descriptors) for one in features], np.int64),
        "places": np.array(places, np.int64),
    }
    write_whole(path, to_npz(arrays))


def _read(path: Path, said: Sequence[int]) -> CallSegments:
    """Read the file that `_extract_call` wrote."""
    with np.load(path) as arrays:
        kept = dict(arrays)
    descriptors = np.split(kept["descriptors"], np.cumsum(kept["n_frames"])[:-1])
    features = [FeatureValues(*pair) for pair in zip(kept["functionals"], descriptors, strict=False)]
    # A place of −1 selects the last entry, NOTHING.
    return CallSegments(features, np.array([*said, NOTHING])[kept["places"]], np.array(said))


def _digest(config: FeatureConfig, sound: str) -> str:
    """Return a folder name for the settings, libraries and code that determine the features of segments."""
    modules = [app.core.segments, app.core.speech, app.core.stretches]
    modules += [training.data.call_builder, training.data.conditions, training.evaluation.simulated_calls]
    settings = [asdict(config), SOUNDS[sound], sources_digest(config, *modules)]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return f"{config.feature_set}-calls-{sound}-{digest}"


def _sha256(utterances: Sequence[Utterance]) -> str:
    """Return the SHA-256 of the recordings of a speaker."""
    digest = hashlib.sha256()
    for utterance in utterances:
        digest.update(utterance.path.read_bytes())
    return digest.hexdigest()
