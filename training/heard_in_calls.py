"""What a model is worth in calls: the test parts heard again, as the segments the service cuts.

Of each voice a telephone call is built of some of its utterances. Then comes the service's whole
path: speech is looked for, cut to segments, and each segment is recognized, by the networks of the
fold in whose test part the utterance is.

The segments' features are kept, a file a voice, as those of utterances are.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import app.core.segments
import app.core.speech
import app.core.stretches
import training.calls
import training.conditions
import training.simulated_calls
from app.core.features import FeatureConfig, Features
from training.answer import answer, inputs_of
from training.calls import SOUNDS
from training.corpora import Utterance
from training.errors import TrainingError
from training.extract import make_extractor, sources_digest
from training.files import to_npz, write_whole
from training.fit import FoldResult
from training.scores import uar
from training.simulated_calls import NOTHING, segments_of_call, voices_of
from training.speaker import adapt_groups


@dataclass(frozen=True, slots=True)
class HeardCall:
    """The call of one voice, as the service hears it.

    Attributes:
        features: of each of n segments.
        utterances: which utterance of the dataset each segment holds, or −1 where it holds none,
            shape (n,).
        said: all that were said.
    """

    features: Sequence[Features]
    utterances: NDArray[np.int64]
    said: NDArray[np.int64]


def hear_calls(
    utterances: Sequence[Utterance], config: FeatureConfig, cache_folder: Path, sound: str
) -> list[HeardCall]:
    """Build a call of each voice, and hear it.

    Args:
        utterances: of the dataset.
        config: what is extracted.
        cache_folder: kept from run to run.
        sound: a name in `SOUNDS`.
    """
    folder = cache_folder / _digest(config, sound)
    voices = [[(index, utterances[index]) for index in drawn] for drawn in voices_of(utterances)]
    paths = [folder / f"{_sha256([utterance for _, utterance in voice])}.npz" for voice in voices]
    missing = [(voice, path) for voice, path in zip(voices, paths, strict=True) if not path.is_file()]
    run = joblib.Parallel(n_jobs=len(os.sched_getaffinity(0)), return_as="generator_unordered")
    jobs = (joblib.delayed(_hear)(voice, path, config, sound) for voice, path in missing)
    for _ in tqdm(run(jobs), f"calls, {sound}", len(missing), disable=not missing):
        pass
    return [_read(path, [index for index, _ in voice]) for voice, path in zip(voices, paths, strict=True)]


@dataclass(frozen=True, slots=True)
class UarInCalls:
    """The UAR of a fold's networks in calls.

    Attributes:
        plain: of the segments that hold utterances of the test part.
        adapted: of the same, adapted to the speaker of the call; None if the model does not adapt.
        as_recorded: of the same utterances as they were recorded, one by one.
    """

    plain: float
    adapted: float | None
    as_recorded: float


def uar_in_calls(result: FoldResult, calls: Sequence[HeardCall]) -> UarInCalls:
    """Score the networks of a fold in calls.

    Args:
        result: of the fold.
        calls: of the dataset's speakers; those who are not in the test part do not count.

    Raises:
        TrainingError: no utterance of the test part is in the calls' segments.
    """
    tested = {int(index): place for place, index in enumerate(result.fold.test)}
    places: list[int] = []
    plain, adapted = [], []
    for call in calls:
        counted = [place for place, index in enumerate(call.utterances.tolist()) if index in tested]
        if not counted:
            continue
        probabilities = answer(result, call.features)
        plain.append(probabilities[counted])
        if result.speaker:
            # The service adapts on all segments of a channel, whatever they hold.
            components = inputs_of(result, call.features).functionals["clean"]
            scores = result.speaker.scores(components, probabilities)
            adapted.append(adapt_groups(*scores, [np.arange(len(probabilities))])[counted])
        places += [tested[index] for index in call.utterances[counted].tolist()]
    if not places:
        raise TrainingError(
            f"fold {result.fold.name}: none of its test part was found in calls; --calls without a name "
            "leaves calls out"
        )
    truth = result.truth[places]
    alone = np.array([tested[index] for call in calls for index in call.said.tolist() if index in tested])
    return UarInCalls(
        uar(truth, np.concatenate(plain).argmax(axis=1)),
        uar(truth, np.concatenate(adapted).argmax(axis=1)) if adapted else None,
        uar(result.truth[alone], result.recognized()[alone]),
    )


def share_found(calls: Sequence[HeardCall]) -> float:
    """The share of utterances that a segment holds."""
    found = sum(len(set(call.utterances.tolist()) - {NOTHING}) for call in calls)
    return found / sum(len(call.said) for call in calls)


def _hear(voice: Sequence[tuple[int, Utterance]], path: Path, config: FeatureConfig, sound: str) -> None:
    """Build the call of one voice, hear it, and keep the features of its segments."""
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


def _read(path: Path, said: Sequence[int]) -> HeardCall:
    """Read what `_hear` wrote."""
    with np.load(path) as arrays:
        kept = dict(arrays)
    descriptors = np.split(kept["descriptors"], np.cumsum(kept["n_frames"])[:-1])
    features = [Features(*pair) for pair in zip(kept["functionals"], descriptors, strict=False)]
    # A place of −1 takes the last, which says that nothing is said.
    return HeardCall(features, np.array([*said, NOTHING])[kept["places"]], np.array(said))


def _digest(config: FeatureConfig, sound: str) -> str:
    """A name for all that decides the features of a call's segments: settings, libraries, our code."""
    modules = [app.core.segments, app.core.speech, app.core.stretches]
    modules += [training.calls, training.conditions, training.simulated_calls]
    settings = [asdict(config), SOUNDS[sound], sources_digest(config, *modules)]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return f"{config.feature_set}-calls-{sound}-{digest}"


def _sha256(utterances: Sequence[Utterance]) -> str:
    """Of the recordings of a voice."""
    digest = hashlib.sha256()
    for utterance in utterances:
        digest.update(utterance.path.read_bytes())
    return digest.hexdigest()
