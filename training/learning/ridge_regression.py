"""Ridge regression in closed form as the last layer of a network.

With many more values than speakers, many solutions fit the training data. Ridge regression prefers the
solution that distributes the weight over all values; gradient descent does not. The target of each label
is a column of +1 and -1. All labels have the same total weight, independent of their number of utterances
(weighted extreme learning machine with a linear kernel: Zong, Huang & Chen 2013, doi
10.1016/j.neucom.2012.08.010).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

from training.data.dataset import Inputs, in_chunks
from training.data.folds import Fold, Indices
from training.learning.normal_equations import Array, NormalEquations
from training.learning.trained_network import History, Shapes, TrainedNetwork, kept, predict, shapes

CHUNK = 2048
"""The number of utterances whose values are in memory at once. Not tuned."""

SHARPNESS = 2.0
"""The factor from scores to logits, so that the temperature is near 1. Not tuned."""


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
        spread: the factor by which the values of an utterance under different conditions are moved apart,
            away from their mean, so that the regression relies less on the differences between conditions; 1
            does not move them. Speaker recognition uses a similar method for the recordings of a speaker
            (within-class covariance normalization: Hatch, Kajarekar & Stolcke 2006). `docs/experiments.md`,
            "What no line should change", compares values.
        clean_weight: the weight of the recordings as they are, relative to one augmented condition. A larger
            weight improves clean speech of corpora that did not train (`docs/experiments.md`, "Weight of
            clean speech").
        relative: True if each utterance trains a second time, relative to the mean of its speaker's
            utterances. The regression then relies less on the differences between speakers, and generalizes
            better to corpora that did not train (`docs/experiments.md`, "Differences between speakers and
            corpora").
    """

    build: Callable[[Shapes, int], keras.Model]
    augmentations: tuple[str, ...] = ()
    penalty: float = 1.5e-4
    spread: float = 1.0
    clean_weight: float = 1.0
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
                layer.adapt(
                    predict(before, inputs, chunk, condition)
                    for condition in self.conditions
                    for chunk in in_chunks(part, CHUNK)
                )
        network.layers[-1].set_weights(self._solve(network, inputs, part))
        network.save(path)
        return {}

    def _solve(self, network: keras.Model, inputs: Inputs, part: Indices) -> Sequence[Array]:
        """Return kernel, shape (n_values, n_labels), and bias, shape (n_labels,), of the last layer."""
        weights = compute_sample_weight("balanced", inputs.targets[part])
        equations = NormalEquations()
        front = keras.Model(network.inputs, network.layers[-1].input)
        scale = np.float32(np.sqrt(front.output_shape[-1]))
        for places in _whole_speakers(inputs.speakers[part]):
            chunk = part[places]
            signs = np.where(np.eye(inputs.n_labels)[inputs.targets[chunk]] > 0, 1.0, -1.0)
            for values, factor in self._values(front, inputs, chunk):
                equations.add(values / scale, signs, weights[places], factor)
                if self.relative:
                    relative = relative_to_speaker(values, inputs.speakers[chunk])
                    equations.add(relative / scale, signs, weights[places], factor)
        kernel, bias = equations.solve(self.penalty)
        return [(SHARPNESS * kernel / scale).astype(np.float32), (SHARPNESS * bias).astype(np.float32)]

    def _values(self, front: keras.Model, inputs: Inputs, chunk: Indices) -> Iterator[tuple[Array, float]]:
        """Yield the values under each condition, shape (n, n_values), and the factor of their weights.

        The label is the same under all conditions. So the squared error of a linear score is the squared
        error of the mean score plus the variance of the scores between conditions. With the square of the
        spread as the weight of this variance, the sum over the conditions has this form:
        spread² · (weighted sum over conditions) + (1 - spread²) · (sum of weights) · (mean over conditions).
        """
        factors = {name: self.clean_weight if name == "clean" else 1.0 for name in self.conditions}
        total = sum(factors.values())
        mean: Array = np.zeros((1, 1), np.float32)
        for condition, factor in factors.items():
            values = predict(front, inputs, chunk, condition)
            yield values, factor * self.spread**2
            if self.spread != 1:
                mean = mean + np.float32(factor / total) * values
        if self.spread != 1:
            yield mean, total * (1 - self.spread**2)


def _whole_speakers(speakers: NDArray[np.str_]) -> Iterator[Indices]:
    """Cut utterances into chunks of about `CHUNK` that contain all utterances of their speakers.

    Args:
        speakers: the speaker of each utterance, shape (n,).

    Yields:
        The places of the utterances of a chunk.
    """
    order = np.argsort(speakers, kind="stable")
    _, starts = np.unique(speakers[order], return_index=True)
    first = 0
    for end in (*starts[1:], len(order)):
        if end - first >= CHUNK or end == len(order):
            yield order[first:end]
            first = end


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
