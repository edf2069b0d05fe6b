"""Ridge regression, solved in closed form, as the last layer of a network.

Where values are many more than voices it does what training by steps does not: among all
solutions that fit, it finds the one that leans on every value a little. Each label is a column
of +1 and -1, and labels count alike however many utterances they have (the weighted extreme
learning machine with a linear kernel: Zong, Huang & Chen 2013, doi 10.1016/j.neucom.2012.08.010).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from sklearn.utils.class_weight import compute_sample_weight

from training.dataset import Inputs
from training.folds import Fold, Indices
from training.network import History, Shapes, TrainedNetwork, kept, predict, shapes

SHARPNESS = 2.0
"""A score of 1 times this is a logit: about right, so that the temperature has little to mend."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ridge:
    """Ridge regression; it has the methods of `training.network.Network`.

    Attributes:
        build: makes the network, as that of `Network` does; its last layer is a `Dense` one, and
            before it only `Normalization` layers have anything to learn.
        augmentations: conditions under which training utterances are heard, beside clean.
        penalty: on the squared weights, against the mean squared error, for values divided by the
            root of their number.
        spread: how many times farther apart an utterance's conditions are made than they are, so
            that what differs between them is not leant on; 1 leaves them as they are.
        relative: whether each utterance trains once more, relative to the mean of its speaker's
            utterances. The regression then relies less on the differences between speakers, and
            generalizes better to corpora that were not in training (`docs/experiments.md`).
    """

    build: Callable[[Shapes, int], keras.Model]
    augmentations: tuple[str, ...] = ()
    penalty: float = 1.5e-4
    spread: float = 1.0
    relative: bool = False

    @property
    def refits(self) -> bool:
        """Yes: nothing stops early, so that validation has no part in what is learned."""
        return True

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions under which training utterances are heard."""
        return ("clean", *self.augmentations)

    def limited(self, max_epochs: int | None) -> "Ridge":
        """The same: there are no epochs."""
        del max_epochs
        return self

    def fit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> TrainedNetwork:
        """Solve for the training part of a fold; see `Network.fit`. Nothing is random."""
        del seed
        return kept(path, lambda: self._train(inputs, fold.train, path))

    def refit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> TrainedNetwork:
        """Solve for all that is not held out; see `Network.refit`."""
        del seed
        return kept(path, lambda: self._train(inputs, fold.rest, path))

    def _train(self, inputs: Inputs, part: Indices, path: Path) -> History:
        """Solve for the last layer and write the network; there are no epochs to tell of."""
        keras.backend.clear_session()  # or the layers' names would count on from the network before
        network = self.build(shapes(inputs), inputs.n_labels)
        for layer in network.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.adapt(self._heard(keras.Model(network.inputs, layer.input), inputs, part))
        front = keras.Model(network.inputs, network.layers[-1].input)
        values = self._heard(front, inputs, part).reshape(len(self.conditions), len(part), -1)
        rows = [*spread_apart(values, self.spread)]
        if self.relative:
            rows += [relative_to_speaker(values, inputs.speakers[part]) for values in rows]
        targets = np.tile(inputs.targets[part], len(rows))
        network.layers[-1].set_weights(self._solve(np.concatenate(rows), targets, inputs.n_labels))
        network.save(path)
        return {}

    def _heard(self, network: keras.Model, inputs: Inputs, part: Indices) -> Array:
        """What comes out of a network under every condition, shape (n_conditions * n, n_values)."""
        return np.concatenate([predict(network, inputs, part, condition) for condition in self.conditions])

    def _solve(self, values: Array, targets: NDArray[np.int64], n_labels: int) -> Sequence[Array]:
        """Kernel, shape (n_values, n_labels), and bias, shape (n_labels,); `values` is lost."""
        n, n_values = values.shape
        values /= np.sqrt(n_values)
        signs = np.where(np.eye(n_labels)[targets] > 0, 1.0, -1.0)
        weights = compute_sample_weight("balanced", targets)
        kernel, bias = weighted_ridge(values, signs, weights, self.penalty * n)
        kernel /= np.sqrt(n_values)
        return [(SHARPNESS * kernel).astype(np.float32), (SHARPNESS * bias).astype(np.float32)]


def spread_apart(values: Array, spread: float) -> Array:
    """Move what an utterance is under each condition away from its mean over all conditions.

    The label is the same under all of them, so that the squared error of a linear score is that of
    the mean plus that of the scores' variance between conditions; the spread squared is the weight
    of the latter. Speaker recognition does alike with a speaker's recordings (within-class
    covariance normalisation: Hatch, Kajarekar & Stolcke 2006).

    Args:
        values: shape (n_conditions, n, n_values).
        spread: 1 leaves all as it is.
    """
    if spread == 1:
        return values
    means = values.mean(axis=0)
    apart: Array = means + np.float32(spread) * (values - means)
    return apart


def relative_to_speaker(values: Array, speakers: NDArray[np.str_]) -> Array:
    """Subtract from each utterance the mean over the utterances of its speaker.

    Args:
        values: of n utterances, shape (n, n_values).
        speakers: of each, shape (n,).
    """
    relative = np.empty_like(values)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        relative[own] = values[own] - values[own].mean(axis=0)
    return relative


def weighted_ridge(
    features: Array, targets: NDArray[np.float64], weights: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise the weighted squared error plus the penalty times the squared kernel.

    Args:
        features: shape (n, n_features); what is in them is lost.
        targets: shape (n, n_labels).
        weights: of the examples, shape (n,).
        penalty: more than 0.

    Returns:
        Kernel, shape (n_features, n_labels), and bias, shape (n_labels,), which is not penalised.
    """
    n, n_features = features.shape
    feature_means = np.average(features, axis=0, weights=weights)
    target_means = np.average(targets, axis=0, weights=weights)
    roots = np.sqrt(weights)[:, np.newaxis]
    features -= feature_means.astype(np.float32)
    features *= roots.astype(np.float32)
    targets = (targets - target_means) * roots
    # The smaller of the two systems of equations that say the same.
    if n > n_features:
        gram = (features.T @ features).astype(np.float64)
        gram.flat[:: n_features + 1] += penalty
        kernel = solve(gram, features.T @ targets, assume_a="pos", overwrite_a=True)
    else:
        gram = (features @ features.T).astype(np.float64)
        gram.flat[:: n + 1] += penalty
        kernel = features.T @ solve(gram, targets, assume_a="pos", overwrite_a=True)
    return kernel, target_means - feature_means @ kernel
