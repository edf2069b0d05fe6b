"""The effect of the adaptation to speakers by number of segments.

The utterances of the test parts take the role of the segments of calls. The utterances of each speaker are
cut into groups of 1, 3, 10 and 30, and each group is adapted separately. A mostly neutral call has three
neutral utterances for each emotional utterance. It tests whether the mean removes the emotion together with
the voice.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import CHUNK, Dataset, in_chunks, standardize_part
from training.evaluation.fold import FoldResult
from training.learning.scores import MeanAndSd, mean_and_sd, uar
from training.learning.speaker import adapt_groups, groups_of

SIZES = (1, 3, 10, 30)
"""The numbers of segments of a speaker. Not tuned."""

CONDITIONS = ("clean", "telephone", "noise-10")
"""The conditions of the utterances. Not tuned."""

NEUTRAL_TO_EMOTIONAL = 3
"""The number of neutral utterances for each emotional utterance in a mostly neutral call. Not tuned."""


def adaptation_figures(dataset: Dataset, results: Sequence[FoldResult]) -> dict[str, dict[str, MeanAndSd]]:
    """Compute UAR with and without adaptation.

    Args:
        dataset: the data that trained and tested the model.
        results: the results of the folds of a model that adapts.

    Returns:
        The figures by condition: `plain` without adaptation; `1` to `30` for the number of segments of a
        speaker; `mostly_neutral_plain` and `mostly_neutral` for mostly neutral calls without and with
        adaptation, if there is neutral speech. Each figure is mean and standard deviation over the folds.
    """
    conditions = [name for name in CONDITIONS if name in results[0].test_probabilities]
    return {name: _figures(dataset, results, name) for name in conditions}


def _figures(dataset: Dataset, results: Sequence[FoldResult], condition: str) -> dict[str, MeanAndSd]:
    """Compute the figures of one condition."""
    values: dict[str, list[float]] = {}
    for result in results:
        logits, offsets = _scores(dataset, result, condition)
        speakers, truth = dataset.speakers[result.fold.test], result.truth
        everyone = np.arange(len(truth))
        values.setdefault("plain", []).append(result.uar(condition))
        for size in SIZES:
            groups = list(groups_of(speakers, everyone, size, np.random.default_rng(size)))
            adapted = adapt_groups(logits, offsets, groups).argmax(axis=1)
            values.setdefault(str(size), []).append(uar(truth, adapted))
        groups = mostly_neutral(speakers, truth, dataset.labels)
        if groups:
            used = np.concatenate(groups)
            adapted = adapt_groups(logits, offsets, groups).argmax(axis=1)
            plain = result.recognized(condition)
            values.setdefault("mostly_neutral_plain", []).append(uar(truth[used], plain[used]))
            values.setdefault("mostly_neutral", []).append(uar(truth[used], adapted[used]))
    return {name: mean_and_sd(of_folds) for name, of_folds in values.items()}


def _scores(
    dataset: Dataset, result: FoldResult, condition: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return logits and offsets of the test part, whose statistics may not fit into memory."""
    assert result.speaker is not None
    test, probabilities = result.fold.test, result.test_probabilities[condition]
    scores = [
        result.speaker.scores(
            standardize_part(dataset, result.scaler, condition, test[part]), probabilities[part]
        )
        for part in in_chunks(np.arange(len(test)), CHUNK)
    ]
    logits, offsets = zip(*scores, strict=True)
    return np.concatenate(logits), np.concatenate(offsets)


def mostly_neutral(
    speakers: NDArray[np.str_], truth: NDArray[np.int64], labels: Sequence[str]
) -> list[NDArray[np.intp]]:
    """Return a mostly neutral call of each speaker: all neutral utterances, and a third as many others.

    Args:
        speakers: the speakers of n utterances.
        truth: the label indices of the utterances.
        labels: the names of the labels.

    Returns:
        The positions of the utterances of each call.
    """
    if "neutral" not in labels:
        return []
    neutral = truth == labels.index("neutral")
    random = np.random.default_rng(1)
    groups = []
    for speaker in np.unique(speakers):
        calm = np.flatnonzero((speakers == speaker) & neutral)
        others = random.permutation(np.flatnonzero((speakers == speaker) & ~neutral))
        if len(calm):
            groups.append(np.concatenate([calm, others[: max(1, len(calm) // NEUTRAL_TO_EMOTIONAL)]]))
    return groups
