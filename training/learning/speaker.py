"""Adaptation to a speaker, from the scores of a ridge regression.

The regression was trained on each utterance as it is, and relative to the mean of its speaker's utterances
(`Ridge.relative`). So its scores remain valid after a part of the speaker's mean is subtracted (speaker
normalization: Busso et al. 2011, "Iterative feature normalization"). The scores are linear: the score of the
mean is the mean of the scores. The network therefore returns these scores as the offsets of an utterance,
and `app.core.speaker.adapt` subtracts their weighted mean over the speaker's segments from the logits.

`docs/experiments.md`, "Adaptation by the regression", compares this with a separate regression.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.speaker import softmax, weight_of
from training.data.folds import Indices
from training.learning.network import MAX_DEVIATION
from training.learning.normal_equations import Array


@dataclass(frozen=True, slots=True)
class SpeakerHead:
    """The adaptation of one fold.

    Attributes:
        kernel: the weights of the standardized statistics, shape (n_values, n_labels).
    """

    kernel: Array

    def scores(
        self, statistics: Array, probabilities: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute logits and offsets.

        Args:
            statistics: the standardized statistics of n utterances, shape (n, n_values).
            probabilities: the probabilities from the networks, not calibrated, shape (n, n_labels).

        Returns:
            The logits and offsets, not calibrated, shape (n, n_labels) each, as `app.core.speaker` describes
            them.
        """
        clipped = np.clip(statistics, -MAX_DEVIATION, MAX_DEVIATION)
        logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
        return logits.astype(np.float64), (clipped @ self.kernel).astype(np.float64)


def adapt_groups(
    logits: NDArray[np.float64], offsets: NDArray[np.float64], groups: Sequence[NDArray[np.intp]]
) -> NDArray[np.float64]:
    """Adapt utterances to their speakers, as `app.core.speaker.adapt` does.

    Args:
        logits: the logits of n utterances, shape (n, n_labels).
        offsets: the offsets of the utterances, the same shape.
        groups: the positions of the utterances of each group; a group belongs to one speaker.

    Returns:
        The probabilities, shape (n, n_labels).
    """
    adapted = np.full_like(logits, np.nan)
    for group in groups:
        adapted[group] = softmax(logits[group] - weight_of(len(group)) * offsets[group].mean(axis=0))
    return adapted


def groups_of(
    speakers: NDArray[np.str_], part: Indices, size: int | None, random: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Cut the utterances of each speaker into groups.

    Args:
        speakers: the speakers of all utterances.
        part: the indices of the utterances to cut.
        size: the number of utterances in a group; None puts all utterances of a speaker into one group.
        random: the generator of the order.

    Yields:
        The indices of the utterances in each group.
    """
    for speaker in np.unique(speakers[part]):
        members = random.permutation(part[speakers[part] == speaker])
        step = size or len(members)
        for start in range(0, len(members), step):
            yield members[start : start + step]
