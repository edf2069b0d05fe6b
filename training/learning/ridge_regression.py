"""Ridge regression in closed form as the last layer of a network.

With many more values than speakers, many solutions fit the training data. Ridge regression prefers the
solution that distributes the weight over all values; gradient descent does not. The target of each label
is a column of +1 and -1. All labels have the same total weight, independent of their number of utterances
(weighted extreme learning machine with a linear kernel: Zong, Huang & Chen 2013, doi
10.1016/j.neucom.2012.08.010).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from sklearn.utils.class_weight import compute_sample_weight

from training.data.dataset import Inputs
from training.data.folds import Fold, Indices
from training.learning.trained_network import History, Shapes, TrainedNetwork, kept, predict, shapes

SHARPNESS = 2.0
"""The factor from scores to logits, so that the temperature is near 1. Not tuned."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ridge:
    """Ridge regression with the methods of `training.learning.network.Network`.

    Attributes:
        build: a function that builds the network, as in `Network`. The last layer is a `Dense` layer. Before
            it, only `Normalization` layers have weights.
        augmentations: the conditions of the training utterances beside `clean`.
        penalty: the penalty on the squared weights, relative to the mean squared error, for values that are
            divided by the square root of their number. The default was chosen in `docs/experiments.md`,
            "How descriptors vary together".
        spread: the factor by which the values of an utterance under different conditions are moved apart, so
            that the regression relies less on the differences between conditions; 1 does not move them.
            `docs/experiments.md`, "What no line should change", compares values.
        relative: True if each utterance trains a second time, relative to the mean of its speaker's
            utterances. The regression then relies less on the differences between speakers, and generalizes
            better to corpora that did not train (`docs/experiments.md`, "Differences between speakers and
            corpora").
    """

    build: Callable[[Shapes, int], keras.Model]
    augmentations: tuple[str, ...] = ()
    penalty: float = 1.5e-4
    spread: float = 1.0
    relative: bool = False

    @property
    def refits(self) -> bool:
        """True: the final regression is solved on the training and validation parts."""
        return True

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of the training utterances, `clean` among them."""
        return ("clean", *self.augmentations)

    def limited(self, max_epochs: int | None) -> "Ridge":
        """Return the regression unchanged, since it has no epochs."""
        del max_epochs
        return self

    def fit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> TrainedNetwork:
        """Solve on the training part of a fold, as in `Network.fit`. Nothing is random."""
        del seed
        return kept(path, lambda: self._train(inputs, fold.train, path))

    def refit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> TrainedNetwork:
        """Solve on the training and validation parts together, as in `Network.refit`."""
        del seed
        return kept(path, lambda: self._train(inputs, fold.rest, path))

    def _train(self, inputs: Inputs, part: Indices, path: Path) -> History:
        """Solve for the last layer and save the network. The history is empty."""
        keras.backend.clear_session()  # resets the counter in the names of layers
        network = self.build(shapes(inputs), inputs.n_labels)
        for layer in network.layers:
            if isinstance(layer, keras.layers.Normalization):
                before = keras.Model(network.inputs, layer.input)
                layer.adapt(self._outputs(before, inputs, part).reshape(-1, before.output_shape[-1]))
        front = keras.Model(network.inputs, network.layers[-1].input)
        values = self._outputs(front, inputs, part, relative=self.relative)
        for copies in np.split(values, 2) if self.relative else [values]:
            copies[:] = spread_apart(copies, self.spread)
        targets = np.tile(inputs.targets[part], len(values))
        rows = values.reshape(len(targets), -1)
        network.layers[-1].set_weights(self._solve(rows, targets, inputs.n_labels))
        network.save(path)
        return {}

    def _outputs(
        self, network: keras.Model, inputs: Inputs, part: Indices, *, relative: bool = False
    ) -> Array:
        """Return the outputs of a network under every condition, shape (n_conditions, n, n_values).

        If `relative` is True, the outputs relative to the speakers' means follow: (2 * n_conditions, ...).
        """
        n = len(self.conditions)
        values = np.empty((2 * n if relative else n, len(part), network.output_shape[-1]), np.float32)
        for place, condition in enumerate(self.conditions):
            values[place] = predict(network, inputs, part, condition)
            if relative:
                values[n + place] = relative_to_speaker(values[place], inputs.speakers[part])
        return values

    def _solve(self, values: Array, targets: NDArray[np.int64], n_labels: int) -> Sequence[Array]:
        """Return kernel, shape (n_values, n_labels), and bias, shape (n_labels,). Overwrite `values`."""
        n, n_values = values.shape
        values /= np.sqrt(n_values)
        signs = np.where(np.eye(n_labels)[targets] > 0, 1.0, -1.0)
        weights = compute_sample_weight("balanced", targets)
        kernel, bias = weighted_ridge(values, signs, weights, self.penalty * n)
        kernel /= np.sqrt(n_values)
        return [(SHARPNESS * kernel).astype(np.float32), (SHARPNESS * bias).astype(np.float32)]


def spread_apart(values: Array, spread: float) -> Array:
    """Move the values of an utterance under each condition away from their mean over the conditions.

    The label is the same under all conditions. So the squared error of a linear score is the squared error
    of the mean score plus the variance of the scores between conditions. The square of the spread is the
    weight of this variance. Speaker recognition uses a similar method for the recordings of a speaker
    (within-class covariance normalization: Hatch, Kajarekar & Stolcke 2006).

    Args:
        values: the values of n utterances by condition, shape (n_conditions, n, n_values).
        spread: the factor of the differences; 1 does not change the values.
    """
    if spread == 1:
        return values
    means = values.mean(axis=0)
    apart: Array = means + np.float32(spread) * (values - means)
    return apart


def relative_to_speaker(values: Array, speakers: NDArray[np.str_]) -> Array:
    """Subtract from each utterance the mean over the utterances of its speaker.

    Args:
        values: the values of n utterances, shape (n, n_values).
        speakers: the speaker of each utterance, shape (n,).
    """
    relative = np.empty_like(values)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        relative[own] = values[own] - values[own].mean(axis=0)
    return relative


def weighted_ridge(
    features: Array, targets: NDArray[np.float64], weights: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimize the weighted squared error plus the penalty times the squared kernel.

    Args:
        features: the features of n examples, shape (n, n_features). The function overwrites them.
        targets: the targets, shape (n, n_labels).
        weights: the weights of the examples, shape (n,).
        penalty: the penalty, more than 0.

    Returns:
        The kernel, shape (n_features, n_labels), and the bias, shape (n_labels,), which is not penalized.
    """
    n, n_features = features.shape
    target_means = np.average(targets, axis=0, weights=weights)
    roots = np.sqrt(weights)[:, np.newaxis]
    targets = (targets - target_means) * roots
    # Products with the features are in float32, since a copy of them in float64 takes gigabytes.
    feature_means = weights.astype(np.float32) @ features / np.float32(weights.sum())
    features -= feature_means
    features *= roots.astype(np.float32)
    # The primal and the dual system are equivalent; solve the smaller one.
    if n > n_features:
        gram = (features.T @ features).astype(np.float64)
        gram.flat[:: n_features + 1] += penalty
        # The transpose of the symmetric matrix is in the order of LAPACK, so that it is not copied.
        kernel = solve(gram.T, features.T @ targets.astype(np.float32), assume_a="pos", overwrite_a=True)
    else:
        gram = (features @ features.T).astype(np.float64)
        gram.flat[:: n + 1] += penalty
        solution = solve(gram, targets, assume_a="pos", overwrite_a=True)
        kernel = features.T @ solution.astype(np.float32)
    return kernel, target_means - feature_means @ kernel
