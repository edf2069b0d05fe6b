"""Adaptation to a speaker, learned: how a person departs from their usual voice.

A ridge regression takes the components x of an utterance twice: as they are, and relative to the
mean m of the speaker's utterances, weighted by their number: x − w m. Every utterance trains several
times, with means over all, over thirty, ten, and three utterances of its speaker, so that the
regression learns from means as reliable as those in short and long calls. (Speaker normalization:
Busso et al. 2011, "Iterative feature normalization"; weights as in `app.core.speaker`.)

The score is linear in m. So for each utterance the network gives logits without m, and offsets, whose
mean over the speaker's segments is what m subtracts: `app.core.speaker.adapt` needs nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.utils.class_weight import compute_sample_weight

from app.core.speaker import softmax, weight_of
from training.dataset import Inputs
from training.folds import Indices
from training.ridge import SHARPNESS, Array, weighted_ridge

SIZES = (None, 30, 10, 3)
"""Utterances that a speaker's mean is taken over; None is all."""

LOG_SCALES = (np.log(0.01), np.log(10.0))
NETWORKS = 0.5
"""Weight of the networks relative to the regression: chosen on the validation parts, as recorded, by
telephone and in noise (`docs/experiments.md`)."""

Groups = list[NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class SpeakerHead:
    """The adaptation of one fold.

    Attributes:
        plain: weights of an utterance's components, shape (n_components, n_labels).
        relative: weights of the components relative to the speaker's mean, the same shape.
        bias: shape (n_labels,).
        of_head: weight of these scores in the answer.
        of_networks: weight of the log-probabilities of the networks, which do not adapt.
    """

    plain: Array
    relative: Array
    bias: Array
    of_head: float
    of_networks: float

    def scores(
        self, components: Array, probabilities: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute logits and offsets.

        Args:
            components: of n utterances, shape (n, n_components).
            probabilities: that the networks give them, shape (n, n_labels).

        Returns:
            Logits and offsets, shape (n, n_labels) each; `app.core.speaker` describes them.
        """
        head = components @ (self.plain + self.relative) + self.bias
        networks = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
        return self.of_head * head + self.of_networks * networks, self.of_head * components @ self.relative


@dataclass(frozen=True, slots=True)
class SpeakerRidge:
    """The ridge regression that learns the adaptation.

    Attributes:
        augmentations: conditions of the training utterances, beside clean.
        penalty: as that of `training.ridge.Ridge`.
    """

    augmentations: tuple[str, ...] = ()
    penalty: float = 1e-3

    def fit(self, inputs: Inputs, part: Indices, seed: int) -> SpeakerHead:
        """Learn from a part of the utterances; the weights in the answer are 1 and 0.

        Args:
            inputs: of the fold.
            part: utterances that train.
            seed: of the groups.
        """
        random = np.random.default_rng(seed)
        rows, targets = [], []
        for condition in ("clean", *self.augmentations):
            components = inputs.functionals[condition]
            for size in SIZES:
                for group in groups_of(inputs.speakers, part, size, random):
                    own = components[group]
                    rows.append(np.concatenate([own, own - weight_of(len(group)) * own.mean(axis=0)], axis=1))
                    targets.append(inputs.targets[group])
        labels = np.concatenate(targets)
        signs = np.where(np.eye(inputs.n_labels)[labels] > 0, 1.0, -1.0)
        values, weights = np.concatenate(rows), compute_sample_weight("balanced", labels)
        n, n_values = values.shape
        values /= np.float32(np.sqrt(n_values))
        kernel, bias = weighted_ridge(values, signs, weights, self.penalty * n)
        kernel *= SHARPNESS / np.sqrt(n_values)
        plain, relative = np.split(kernel.astype(np.float32), 2)
        return SpeakerHead(plain, relative, (SHARPNESS * bias).astype(np.float32), 1.0, 0.0)


def weigh(
    head: SpeakerHead,
    components: Array,
    probabilities: NDArray[np.floating],
    targets: NDArray[np.int64],
    groups: Sequence[NDArray[np.intp]],
) -> float:
    """Find the scale of the adapted scores under which the true labels are most likely.

    Args:
        head: that did not learn from these utterances.
        components: of n utterances, shape (n, n_components).
        probabilities: of networks that did not learn from them, shape (n, n_labels).
        targets: label indices, shape (n,).
        groups: places of the utterances of each speaker among the n.

    Returns:
        The weight of the head, from 0.01 to 10; that of the networks is `NETWORKS` times as large.
    """
    logits, offsets = replace(head, of_head=1.0, of_networks=NETWORKS).scores(components, probabilities)
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
        logits: of n utterances, shape (n, n_labels).
        offsets: the same shape.
        groups: places of the utterances that are heard together, which are one speaker's.

    Returns:
        Probabilities, shape (n, n_labels).
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
        speakers: of all utterances.
        part: indices of those to cut.
        size: utterances of a group; None: all of a speaker.
        random: of the order.
    """
    for speaker in np.unique(speakers[part]):
        members = random.permutation(part[speakers[part] == speaker])
        step = size or len(members)
        for start in range(0, len(members), step):
            yield members[start : start + step]
