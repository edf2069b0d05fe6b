"""Ridge regression on the functionals, solved in closed form, as a network of one layer.

Where features are many more than voices it does what training by steps does not: among all
solutions that fit, it finds the one that leans on every feature a little. Each label is a column
of +1 and -1, and labels count alike however many utterances they have (the weighted extreme
learning machine with a linear kernel: Zong, Huang & Chen 2013, doi 10.1016/j.neucom.2012.08.010).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from scipy.linalg import solve
from sklearn.utils.class_weight import compute_sample_weight

from training.batches import condition_shares
from training.dataset import Inputs
from training.files import write_whole
from training.folds import Fold, Indices
from training.network import MAX_DEVIATION, Shapes, TrainedNetwork, shapes

SHARPNESS = 8.0
"""A score of 1 times this is a logit: about right, so that the temperature has little to mend."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ridge:
    """Ridge regression; it has the methods of `training.network.Network`.

    Attributes:
        augmentations: conditions under which training utterances are heard, beside clean.
        penalty: on the squared weights, for features divided by the root of their number.
    """

    augmentations: tuple[str, ...] = ()
    penalty: float = 0.3

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions under which training utterances are heard."""
        return ("clean", *self.augmentations)

    def limited(self, max_epochs: int | None) -> "Ridge":
        """The same: there are no epochs."""
        del max_epochs
        return self

    def build(self, shapes: Shapes, n_labels: int) -> keras.Model:
        """Build the network, with weights of zero."""
        inputs = keras.Input((shapes.n_functionals,), name="features")
        x = ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
        x = layers.Dense(n_labels, "softmax", kernel_initializer="zeros", name="probabilities")(x)
        return keras.Model({"features": inputs}, x)

    def fit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> TrainedNetwork:
        """Solve for the training part of a fold; see `Network.fit`. Nothing is random."""
        return self._kept(inputs, fold.train, seed, path)

    def refit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> TrainedNetwork:
        """Solve for all that is not held out; see `Network.refit`."""
        return self._kept(inputs, fold.rest, seed, path)

    def _kept(self, inputs: Inputs, part: Indices, seed: int, path: Path) -> TrainedNetwork:
        """Solve, unless that was done before."""
        del seed
        done = path.with_suffix(".json")
        if not done.is_file():
            keras.backend.clear_session()
            network = self.build(shapes(inputs), inputs.n_labels)
            network.layers[-1].set_weights(self._solve(inputs, part))
            path.parent.mkdir(parents=True, exist_ok=True)
            network.save(path)
            write_whole(done, json.dumps({}).encode())
        return TrainedNetwork(keras.models.load_model(path, compile=False), {})

    def _solve(self, inputs: Inputs, part: Indices) -> Sequence[Array]:
        """Kernel, shape (n_functionals, n_labels), and bias, shape (n_labels,), of the layer."""
        n_features = shapes(inputs).n_functionals
        heard = [inputs.functionals[condition][part] for condition in self.conditions]
        features = np.concatenate(heard)
        np.clip(features, -MAX_DEVIATION, MAX_DEVIATION, out=features)
        features /= np.sqrt(n_features)
        targets = np.tile(inputs.targets[part], len(heard))
        signs = np.where(np.eye(inputs.n_labels)[targets] > 0, 1.0, -1.0)
        weights = compute_sample_weight("balanced", targets) * len(heard)
        weights *= np.repeat(condition_shares(self.conditions), len(part))
        kernel, bias = weighted_ridge(features, signs, weights, self.penalty)
        return [
            (SHARPNESS * kernel / np.sqrt(n_features)).astype(np.float32),
            (SHARPNESS * bias).astype(np.float32),
        ]


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
