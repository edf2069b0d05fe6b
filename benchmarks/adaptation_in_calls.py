"""What it is worth to standardise a call's segments by the call itself.

    python -m benchmarks.adaptation_in_calls CSV [CSV …]

Each voice has a telephone call (`training/heard_in_calls.py`), answered by the networks of the fold
that has never heard it. Its scaler is drawn toward mean and scale of the call's own segments, or
toward their mean alone, by their number against a strength, as `python -m training adapt` does. Once
the call holds each emotion as often as the corpus, and once it is mostly neutral, as calls are.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.core.scaler import Scaler
from benchmarks.held_out import CACHE, PLAN, cross_validated
from training.adapt import own_scaler, shrink
from training.answer import answer
from training.corpora import csv_file
from training.dataset import Dataset
from training.fit import FoldResult
from training.heard_in_calls import HeardCall, hear_calls
from training.scores import uar

STRENGTHS = (10.0, 30.0, 100.0)
NEUTRAL_TO_EMOTIONAL = 3  # segments, in a call that is mostly neutral


def main(tables: Sequence[Path]) -> None:
    """Train, hear, adapt and print."""
    dataset, results = cross_validated([row for table in tables for row in csv_file.read(table)])
    ways: list[tuple[str, float | None, bool]] = [("as trained", None, True)]
    ways += [(f"mean, {strength:g}", strength, False) for strength in STRENGTHS]
    ways += [(f"mean and scale, {strength:g}", strength, True) for strength in STRENGTHS]
    print("| calls | " + " | ".join(name for name, _, _ in ways) + " |")
    print("| --- |" + " --- |" * len(ways))
    for sound in ("telephone", "noise"):
        calls = hear_calls(dataset.utterances, PLAN.features, CACHE, sound)
        for name, chosen in (("as the corpus", calls), ("mostly neutral", mostly_neutral(calls, dataset))):
            scores = [tested(dataset, results, chosen, strength, scale=scale) for _, strength, scale in ways]
            row = " | ".join(f"{100 * score:.1f}" for score in scores)
            print(f"| {sound}, {name} | {row} |", flush=True)


def mostly_neutral(calls: Sequence[HeardCall], dataset: Dataset) -> list[HeardCall]:
    """Leave out emotional segments until there are three neutral ones to each; drawn by one seed."""
    random, neutral = np.random.default_rng(1), dataset.labels.index("neutral")
    thinned = []
    for call in calls:
        known = np.flatnonzero(call.utterances >= 0)
        is_neutral = dataset.targets[call.utterances[known]] == neutral
        emotional = random.permutation(known[~is_neutral])
        kept = emotional[: max(round(is_neutral.sum() / NEUTRAL_TO_EMOTIONAL), 1)]
        places = np.sort(np.concatenate([known[is_neutral], kept]))
        thinned.append(
            HeardCall([call.features[place] for place in places], call.utterances[places], call.said)
        )
    return thinned


def tested(
    dataset: Dataset,
    results: Sequence[FoldResult],
    calls: Sequence[HeardCall],
    strength: float | None,
    *,
    scale: bool,
) -> float:
    """UAR of all segments of all calls, each call behind a scaler of its own unless there is no strength."""
    truth, recognised = [], []
    for result in results:
        tested_here = set(result.fold.test.tolist())
        for call in calls:
            mine = [place for place, index in enumerate(call.utterances) if index in tested_here]
            if not mine:
                continue
            scaler = adapted(result.scaler, call, strength, scale=scale)
            answers = answer(result, [call.features[place] for place in mine], scaler)
            truth += dataset.targets[call.utterances[mine]].tolist()
            recognised += answers.argmax(axis=1).tolist()
    return uar(np.array(truth), np.array(recognised))


def adapted(original: Scaler, call: HeardCall, strength: float | None, *, scale: bool) -> Scaler:
    """A scaler drawn toward a call."""
    if strength is None:
        return original
    own = own_scaler(call.features)
    weight = len(call.features) / (len(call.features) + strength)
    moved = shrink(original, own, weight)
    return moved if scale else Scaler(moved.mean, original.scale)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
