"""Ridge regression on the functionals and on how the descriptors vary with one another.

Functionals look at one descriptor at a time; whether pitch rises with loudness, or a formant moves
with the tilt of the spectrum, is in the covariance of the descriptors over the frames. It enters
by its matrix square root, which keeps the few strongest directions from outshouting all others
(Li, Xie, Wang & Gao 2018, "iSQRT-COV", arXiv 1712.01034).
"""

import keras
import numpy as np
from keras import layers, ops

from training.conditions import AUGMENTATIONS
from training.ensemble import Ensemble
from training.network import MAX_DEVIATION, Shapes
from training.ridge import Ridge

# Added to each variance, where 1 is that of a descriptor over all speech: what is weaker is noise.
FLOOR = 0.1
N_ITERATIONS = 5


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network, not yet trained."""
    functionals = keras.Input((shapes.n_functionals,), name="features")
    descriptors = keras.Input((None, shapes.n_descriptors), name="descriptors")
    moments = Moments()(ops.clip(descriptors, -MAX_DEVIATION, MAX_DEVIATION))
    x = ops.concatenate([functionals, layers.Normalization()(moments)], axis=1)
    x = ops.clip(x, -MAX_DEVIATION, MAX_DEVIATION)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": descriptors, "features": functionals}, x)


@keras.saving.register_keras_serializable("training")
class Moments(layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Mean over the frames, and square root of the covariance, of which the upper triangle is enough."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """From shape (n, n_frames, width) to (n, width * (width + 3) / 2)."""
        mean, covariance = mean_and_covariance(x)
        width = x.shape[-1]
        rows, columns = np.triu_indices(width)
        root = ops.reshape(square_root(covariance), (-1, width * width))
        return ops.concatenate([mean, ops.take(root, rows * width + columns, axis=1)], axis=1)


def mean_and_covariance(x: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Mean, shape (n, width), and covariance, shape (n, width, width), over the frames."""
    mean = ops.mean(x, axis=1, keepdims=True)
    centered = x - mean
    n_frames = ops.cast(ops.shape(x)[1], "float32")
    return mean[:, 0], ops.matmul(ops.transpose(centered, (0, 2, 1)), centered) / n_frames


def square_root(covariance: keras.KerasTensor) -> keras.KerasTensor:
    """The matrix square root, about: Newton and Schulz's iteration needs products alone.

    See Higham 2008, "Functions of Matrices", section 6.7; divided by its trace, a covariance has
    no eigenvalue above 1, so that it converges.
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
