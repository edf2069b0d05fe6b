"""What a model is worth in calls: the test parts heard again, as the segments the service cuts.

Of each voice a telephone call is built of some of its utterances. Then comes the service's whole
path: speech is looked for, cut to segments, and each segment is recognised, by the networks of the
fold in whose test part the utterance is.

The segments' features are kept, a file a voice, as those of utterances are.
"""

import hashlib
import inspect
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import app.core.audio
import app.core.features
import app.core.segments
import app.core.speech
import app.core.stretches
import training.calls
import training.conditions
from app.core.audio import Signal, decode, select_channel
from app.core.features import SINKS, FeatureConfig, FeatureExtractor, Features
from app.core.segments import FRAME, Span, find_segments, runs, with_context
from app.core.speech import SpeechDetector
from app.core.stretches import join, stretches
from training.answer import answer
from training.calls import SOUNDS, Turn, build_call
from training.corpora import Utterance
from training.errors import TrainingError
from training.files import write_whole
from training.fit import FoldResult
from training.scores import uar

N_UTTERANCES = 20
"""The most utterances of a voice that its call is built of."""

NOTHING = -1


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
    voices = [[(index, utterances[index]) for index in drawn] for drawn in draw(utterances)]
    paths = [folder / f"{_sha256([utterance for _, utterance in voice])}.npz" for voice in voices]
    missing = [(voice, path) for voice, path in zip(voices, paths, strict=True) if not path.is_file()]
    run = joblib.Parallel(n_jobs=len(os.sched_getaffinity(0)), return_as="generator_unordered")
    jobs = (joblib.delayed(_hear)(voice, path, config, sound) for voice, path in missing)
    for _ in tqdm(run(jobs), f"calls, {sound}", len(missing), disable=not missing):
        pass
    return [_read(path, [index for index, _ in voice]) for voice, path in zip(voices, paths, strict=True)]


def draw(utterances: Sequence[Utterance]) -> list[list[int]]:
    """The indices of some utterances of each voice, drawn by one seed."""
    by_speaker: dict[str, list[int]] = {}
    for index, utterance in enumerate(utterances):
        by_speaker.setdefault(utterance.speaker, []).append(index)
    random = np.random.default_rng(1)
    return [random.permutation(indices)[:N_UTTERANCES].tolist() for indices in by_speaker.values()]


def uar_in_calls(result: FoldResult, calls: Sequence[HeardCall]) -> tuple[float, float]:
    """What a fold's networks make of calls.

    Args:
        result: of the fold.
        calls: of the dataset's voices.

    Returns:
        UAR of the segments that hold utterances of the test part, and of these utterances as they
        were recorded, one by one.

    Raises:
        TrainingError: no utterance of the test part is in the calls' segments.
    """
    tested = {int(index): place for place, index in enumerate(result.fold.test)}
    segments = [
        (features, tested[index])
        for call in calls
        for features, index in zip(call.features, call.utterances.tolist(), strict=True)
        if index in tested
    ]
    if not segments:
        raise TrainingError(
            f"fold {result.fold.name}: none of its test part was found in calls; --calls without a name "
            "leaves calls out"
        )
    places = np.array([place for _, place in segments])
    recognised = answer(result, [features for features, _ in segments]).argmax(axis=1)
    alone = np.array([tested[index] for call in calls for index in call.said.tolist() if index in tested])
    return uar(result.truth[places], recognised), uar(result.truth[alone], result.recognised()[alone])


def share_found(calls: Sequence[HeardCall]) -> float:
    """The share of utterances that a segment holds."""
    found = sum(len(set(call.utterances.tolist()) - {NOTHING}) for call in calls)
    return found / sum(len(call.said) for call in calls)


def _hear(voice: Sequence[tuple[int, Utterance]], path: Path, config: FeatureConfig, sound: str) -> None:
    """Build the call of one voice, hear it, and keep the features of its segments."""
    recordings = [
        (place, select_channel(decode(utterance.path.read_bytes()), "mix"))
        for place, (_, utterance) in enumerate(voice)
    ]
    # The recordings' own hash seeds what is random in the call.
    random = np.random.default_rng([int(path.stem[:16], 16), *sound.encode()])
    call = build_call([recordings], random, **SOUNDS[sound])
    detector, extractor = _tools(config)
    segments = find_segments(detect(call.signal, detector))
    around = with_context(segments, call.signal.duration)
    rate = call.signal.sampling_rate
    features = [
        extractor.extract(
            Signal(call.signal.samples[:, round(start * rate) : round(end * rate)].copy(), rate)
        )
        for start, end in (around[segment] for segment in segments)
    ]
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        functionals=np.array([one.functionals for one in features], np.float32),
        descriptors=np.concatenate([one.descriptors for one in features] or [np.zeros((0, 0), np.float32)]),
        n_frames=np.array([len(one.descriptors) for one in features], np.int64),
        places=np.array([_said_in(segment, call.turns) for segment in segments], np.int64),
    )
    write_whole(path, buffer.getvalue())


def detect(signal: Signal, detector: SpeechDetector) -> NDArray[np.bool_]:
    """Where there is speech in a call of one channel, as the service looks for it."""
    found = []
    for stretch in stretches(signal.duration):
        samples = signal.samples[:, stretch.samples(signal.sampling_rate)]
        found.append(runs(detector.detect(Signal(samples, signal.sampling_rate))))
    return join(found, signal.duration)


def _said_in(segment: Span, turns: Sequence[Turn]) -> int:
    """The utterance that fills most of a segment, and at least half of it; its place among the voice's."""
    shared, place = max(
        (min(segment.end * FRAME, turn.end) - max(segment.start * FRAME, turn.start), turn.utterance)
        for turn in turns
    )
    return place if 2 * shared >= segment.seconds else NOTHING


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
    modules = [app.core.audio, app.core.features, app.core.segments, app.core.speech, app.core.stretches]
    modules += [training.calls, training.conditions]
    sources = [inspect.getsource(module) for module in modules]
    sources += [path.read_text(encoding="utf-8") for path in sorted(SINKS.iterdir())]
    libraries = {name: version(name) for name in ("onnxruntime", "opensmile", "scipy", "soundfile", "soxr")}
    text = json.dumps([asdict(config), SOUNDS[sound], libraries, sources], sort_keys=True)
    return f"{config.feature_set}-calls-{sound}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _sha256(utterances: Sequence[Utterance]) -> str:
    """Of the recordings of a voice."""
    digest = hashlib.sha256()
    for utterance in utterances:
        digest.update(utterance.path.read_bytes())
    return digest.hexdigest()


@cache
def _tools(config: FeatureConfig) -> tuple[SpeechDetector, FeatureExtractor]:
    """One of each a process."""
    return SpeechDetector(), FeatureExtractor(config)
