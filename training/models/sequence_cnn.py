"""A convolutional network on the sequence of low-level descriptors.

A strided convolution and a pooling layer reduce the sequence to one frame every 40 ms. A residual block sees
0.4 s around each frame. Attentive statistics pooling (Okabe et al. 2018, arXiv 1803.10963) returns the
weighted mean and standard deviation over the frames.
"""

import keras
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION, Network
from training.learning.trained_network import Shapes

# `docs/experiments.md`, "Augmentation, level of features, fusion", compares three blocks with one. The other
# sizes are not tuned.
WIDTH = 64
KERNEL_SIZE = 5
N_BLOCKS = 1


def build(
    shapes: Shapes,
    n_labels: int,
    *,
    width: int = WIDTH,
    kernel_size: int = KERNEL_SIZE,
    n_blocks: int = N_BLOCKS,
    dropout: float = 0.5,
) -> keras.Model:
    """Build the untrained network."""
    inputs = keras.Input((None, shapes.n_descriptors), name="descriptors")
    x = layers.SpatialDropout1D(0.1)(ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION))
    x = layers.Activation("relu")(convolution(x, width, kernel_size, strides=2))
    x = layers.MaxPooling1D(2, padding="same")(x)
    x = residual_blocks(x, width, kernel_size, n_blocks)
    x = layers.Dropout(dropout)(attentive_statistics(x))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": inputs}, x)


def convolution(
    x: keras.KerasTensor, width: int = WIDTH, kernel_size: int = KERNEL_SIZE, strides: int = 1
) -> keras.KerasTensor:
    """Apply convolution and batch normalization."""
    x = layers.Conv1D(width, kernel_size, strides, padding="same", use_bias=False)(x)
    # The default momentum of Keras, 0.99, needs hundreds of steps; a small corpus has few in an epoch.
    return layers.BatchNormalization(momentum=0.9)(x)


def residual_blocks(x: keras.KerasTensor, width: int, kernel_size: int, n_blocks: int) -> keras.KerasTensor:
    """Apply blocks of two convolutions, to which their input is added."""
    for _ in range(n_blocks):
        y = layers.SpatialDropout1D(0.1)(layers.Activation("relu")(convolution(x, width, kernel_size)))
        x = layers.Activation("relu")(x + convolution(y, width, kernel_size))
    return x


def attentive_statistics(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return mean and standard deviation over the frames, weighted by attention."""
    scores = layers.Dense(1)(layers.Dense(32, activation="tanh")(x))
    weights = ops.softmax(scores, axis=1)
    mean = ops.sum(weights * x, axis=1, keepdims=True)
    variance = ops.sum(weights * ops.square(x - mean), axis=1)
    return ops.concatenate([mean[:, 0], ops.sqrt(ops.maximum(variance, 1e-5))], axis=-1)


MODEL = Ensemble(
    {
        "sequence-cnn": Network(
            build, AUGMENTATIONS, learning_rate=2e-3, patience=15, mixup=0.2, label_smoothing=0.1
        )
    }
)
