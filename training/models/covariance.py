"""Ridge regression on the functionals and on the covariance of the descriptors.

Each functional describes one descriptor. The covariance of the descriptors over the frames describes their
relations, for example whether pitch rises with loudness, or whether a formant moves with the spectral
tilt. The model uses the matrix square root of the covariance, so that the few strongest directions do not
dominate all others (Li, Xie, Wang & Gao 2018, "iSQRT-COV", arXiv 1712.01034). `docs/experiments.md`, "How
descriptors vary together", compares alternatives.
"""

import keras
import numpy as np
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION
from training.learning.ridge_regression import Ridge
from training.learning.trained_network import Shapes

FLOOR = 0.1
"""The value that is added to each variance, against noise; 1 is the variance of a descriptor over all speech.
Not tuned."""

N_ITERATIONS = 5
"""The number of Newton-Schulz iterations. `docs/experiments.md`, "How descriptors vary together", compares
five with the exact square root."""


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the untrained network."""
    functionals = keras.Input((shapes.n_functionals,), name="features")
    descriptors = keras.Input((None, shapes.n_descriptors), name="descriptors")
    moments = Moments()(ops.clip(descriptors, -MAX_DEVIATION, MAX_DEVIATION))
    x = ops.concatenate([functionals, layers.Normalization()(moments)], axis=1)
    x = ops.clip(x, -MAX_DEVIATION, MAX_DEVIATION)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": descriptors, "features": functionals}, x)


@keras.saving.register_keras_serializable("training")
class Moments(layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Mean over the frames, and upper triangle of the square root of the covariance."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Compute the moments: shape (n, n_frames, width) to (n, width * (width + 3) / 2)."""
        mean, covariance = mean_and_covariance(x)
        width = x.shape[-1]
        rows, columns = np.triu_indices(width)
        root = ops.reshape(square_root(covariance), (-1, width * width))
        return ops.concatenate([mean, ops.take(root, rows * width + columns, axis=1)], axis=1)


def mean_and_covariance(x: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the mean, shape (n, width), and the covariance, shape (n, width, width), over the frames."""
    mean = ops.mean(x, axis=1, keepdims=True)
    centered = x - mean
    n_frames = ops.cast(ops.shape(x)[1], "float32")
    return mean[:, 0], ops.matmul(ops.transpose(centered, (0, 2, 1)), centered) / n_frames


def square_root(covariance: keras.KerasTensor) -> keras.KerasTensor:
    """Approximate the matrix square root by the Newton-Schulz iteration, which needs only products.

    See Higham 2008, "Functions of Matrices", section 6.7. A covariance that is divided by its trace has no
    eigenvalue above 1, so the iteration converges.
    """
    identity = ops.eye(covariance.shape[-1])
    covariance = covariance + FLOOR * identity
    trace = ops.sum(covariance * identity, axis=(1, 2), keepdims=True)
    root = covariance / trace
    step = 1.5 * identity - 0.5 * root
    root, inverse_root = ops.matmul(root, step), step
    for _ in range(N_ITERATIONS - 1):
        step = 1.5 * identity - 0.5 * ops.matmul(inverse_root, root)
        root, inverse_root = ops.matmul(root, step), ops.matmul(step, inverse_root)
    return root * ops.sqrt(trace)


MODEL = Ensemble({"covariance": Ridge(build, AUGMENTATIONS)})
