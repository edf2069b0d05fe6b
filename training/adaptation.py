"""The worth of the adaptation to speakers, by the number of segments of a speaker.

The utterances of the test parts stand for the segments of calls: each speaker's are cut into groups
of 1, 3, 10 and 30, and each group is adapted on its own. Mostly neutral calls have three neutral
utterances to an emotional one, since a mean over such speech could mistake the mood for the voice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.components import project
from training.dataset import Dataset, standardize_part
from training.fit import FoldResult
from training.scores import spread, uar
from training.speaker import adapt_groups, groups_of

SIZES = (1, 3, 10, 30)
CONDITIONS = ("clean", "telephone", "noise-10")
NEUTRAL_TO_EMOTIONAL = 3


def adaptation_figures(dataset: Dataset, results: Sequence[FoldResult]) -> dict[str, Any]:
    """Compute UAR with and without adaptation.

    Args:
        dataset: that the model was trained and tested on.
        results: of folds of a model that adapts.

    Returns:
        By condition: `plain`, then `1` to `30` segments of a speaker; `mostly_neutral` calls without
        and with adaptation, where there is neutral speech. Each is mean and deviation over the folds.
    """
    conditions = [name for name in CONDITIONS if name in results[0].test_probabilities]
    return {name: _figures(dataset, results, name) for name in conditions}


def _figures(dataset: Dataset, results: Sequence[FoldResult], condition: str) -> dict[str, Any]:
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
    return {name: spread(of_folds).model_dump() for name, of_folds in values.items()}


def _scores(
    dataset: Dataset, result: FoldResult, condition: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits and offsets of the test part."""
    assert result.speaker is not None
    assert result.components is not None
    statistics = standardize_part(dataset, result.scaler, condition, result.fold.test)
    components = project(statistics, result.components)
    return result.speaker.scores(components, result.test_probabilities[condition])


def mostly_neutral(
    speakers: NDArray[np.str_], truth: NDArray[np.int64], labels: Sequence[str]
) -> list[NDArray[np.intp]]:
    """One call of each speaker, of all neutral utterances and a third as many others.

    Args:
        speakers: of n utterances.
        truth: their label indices.
        labels: by index.
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
