"""Learned adaptation to a speaker.

A ridge regression uses the statistics x of an utterance twice: unchanged, and relative to the mean m of
the speaker's utterances, x − w m, where the weight w depends on the number of utterances. Every utterance
trains several times, with means over all, 30, 10 and 3 utterances of its speaker. So the regression
learns from means that are as reliable as those of long and short calls. (Speaker normalization: Busso et
al. 2011, "Iterative feature normalization"; weights as in `app.core.speaker`.)

The score is linear in m. So the network returns for each utterance logits without m, and offsets. The
weighted mean of the offsets over the speaker's segments is the contribution of m, which
`app.core.speaker.adapt` subtracts.

The regression is solved for the principal components of the statistics, since every utterance trains many
times. The solution is then converted to weights of the statistics.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.utils.class_weight import compute_sample_weight

from app.core.speaker import softmax, weight_of
from training.data.dataset import Inputs
from training.data.folds import Indices
from training.learning.components import fit_components
from training.learning.network import MAX_DEVIATION
from training.learning.ridge_regression import SHARPNESS, Array, weighted_ridge

SIZES = (None, 30, 10, 3)
"""The numbers of utterances in a speaker's mean; None is all. `docs/experiments.md`, "Adaptation to the
speaker", measures all, 10 and 3; 30 is not tuned."""

LOG_SCALES = (np.log(0.01), np.log(10.0))
"""The bounds of the logarithm of the scale. Not tuned."""

NETWORKS = 0.5
"""The weight of the networks relative to the regression. `docs/experiments.md`, "Weights", compares it with
others on the validation parts, as recorded, by telephone and in noise."""

Groups = list[NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class SpeakerHead:
    """The adaptation of one fold.

    Attributes:
        plain: the weights of an utterance's statistics, shape (n_values, n_labels).
        relative: the weights of the statistics relative to the speaker's mean, the same shape.
        bias: the bias, shape (n_labels,).
        of_head: the fusion weight of these scores.
        of_networks: the fusion weight of the log-probabilities of the networks, which do not adapt.
    """

    plain: Array
    relative: Array
    bias: Array
    of_head: float
    of_networks: float

    def scores(
        self, statistics: Array, probabilities: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute logits and offsets.

        Args:
            statistics: the standardized statistics of n utterances, shape (n, n_values).
            probabilities: the probabilities from the networks, shape (n, n_labels).

        Returns:
            The logits and offsets, shape (n, n_labels) each, as `app.core.speaker` describes them.
        """
        clipped = np.clip(statistics, -MAX_DEVIATION, MAX_DEVIATION)
        head = clipped @ (self.plain + self.relative) + self.bias
        networks = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
        return self.of_head * head + self.of_networks * networks, self.of_head * clipped @ self.relative


@dataclass(frozen=True, slots=True)
class SpeakerRidge:
    """The ridge regression that learns the adaptation.

    Attributes:
        augmentations: the conditions of the training utterances beside `clean`.
        penalty: the penalty on the squared weights. `docs/experiments.md`, "Weights", compares the default
            with a larger one.
    """

    augmentations: tuple[str, ...] = ()
    penalty: float = 1e-3

    def fit(self, inputs: Inputs, part: Indices, seed: int) -> SpeakerHead:
        """Solve on a part of the utterances, with fusion weights of 1 for the head and 0 for the networks.

        Args:
            inputs: the inputs of the fold.
            part: the indices of the training utterances.
            seed: the seed of the groups and of the principal components.
        """
        random = np.random.default_rng(seed)
        conditions = ("clean", *self.augmentations)
        components = fit_components([inputs.functionals[name] for name in conditions], part, seed)
        rows, targets = [], []
        for condition in conditions:
            statistics = inputs.functionals[condition]
            projected = np.clip(statistics, -MAX_DEVIATION, MAX_DEVIATION) @ components
            for size in SIZES:
                for group in groups_of(inputs.speakers, part, size, random):
                    own = projected[group]
                    rows.append(np.concatenate([own, own - weight_of(len(group)) * own.mean(axis=0)], axis=1))
                    targets.append(inputs.targets[group])
        labels = np.concatenate(targets)
        signs = np.where(np.eye(inputs.n_labels)[labels] > 0, 1.0, -1.0)
        values, weights = np.concatenate(rows), compute_sample_weight("balanced", labels)
        n, n_values = values.shape
        values /= np.float32(np.sqrt(n_values))
        kernel, bias = weighted_ridge(values, signs, weights, self.penalty * n)
        kernel *= SHARPNESS / np.sqrt(n_values)
        plain, relative = (components @ half.astype(np.float32) for half in np.split(kernel, 2))
        return SpeakerHead(plain, relative, (SHARPNESS * bias).astype(np.float32), 1.0, 0.0)


def weigh(
    head: SpeakerHead,
    statistics: Array,
    probabilities: NDArray[np.floating],
    targets: NDArray[np.int64],
    groups: Sequence[NDArray[np.intp]],
) -> float:
    """Fit the scale of the adapted scores that maximizes the likelihood of the labels.

    Args:
        head: a head that did not learn from these utterances.
        statistics: the standardized statistics of n utterances, shape (n, n_values).
        probabilities: the probabilities from networks that did not learn from these utterances, shape (n,
            n_labels).
        targets: the label indices, shape (n,).
        groups: the positions of each speaker's utterances among the n utterances.

    Returns:
        The weight of the head, from 0.01 to 10. The weight of the networks is `NETWORKS` times as large.
    """
    logits, offsets = replace(head, of_head=1.0, of_networks=NETWORKS).scores(statistics, probabilities)
    adapted = np.concatenate(
        [logits[group] - weight_of(len(group)) * offsets[group].mean(axis=0) for group in groups]
    )
    truth = targets[np.concatenate(groups)]

    def loss(log_scale: float) -> float:
        scores = log_softmax(np.exp(log_scale) * adapted, axis=1)
        return float(-scores[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_SCALES, method="bounded").x))


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
