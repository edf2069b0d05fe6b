"""The sequence model of the project's predecessor, at its size: 512 units, and the deltas of the descriptors.

`sequence-lstm` is the same network with 32 units and without deltas.
"""

import keras
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION, Network
from training.learning.trained_network import Shapes
from training.models.sequence_lstm import recurrent

UNITS = 512
"""The size of the LSTM in each direction, and of the attention. The predecessor names 512 units, without
saying whether both directions share them."""

WINDOW = 2
"""Frames on each side that give a delta. The default of the HTK book (Young et al. 2006), section 5.9."""


def build(shapes: Shapes, n_labels: int, *, units: int = UNITS, dropout: float = 0.5) -> keras.Model:
    """Build the untrained network."""
    inputs = keras.Input((None, shapes.n_descriptors), name="descriptors")
    x = ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
    x = recurrent(ops.concatenate([x, deltas(x)], axis=-1), units, dropout)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": inputs}, x)


def deltas(x: keras.KerasTensor) -> keras.KerasTensor:
    """Compute the slope of each descriptor by linear regression over `WINDOW` frames on each side.

    The first and the last frame are repeated beyond the ends (equation 5.16 of the HTK book).

    Args:
        x: the descriptors, shape (n, n_frames, n_descriptors).

    Returns:
        The slopes per frame, in the same shape.
    """
    first, last = ops.repeat(x[:, :1], WINDOW, axis=1), ops.repeat(x[:, -1:], WINDOW, axis=1)
    padded = ops.concatenate([first, x, last], axis=1)
    slopes = ops.zeros_like(x)
    for distance in range(1, WINDOW + 1):
        after = padded[:, WINDOW + distance : (distance - WINDOW) or None]
        before = padded[:, WINDOW - distance : -WINDOW - distance]
        slopes += distance * (after - before)
    return slopes / (2 * sum(distance**2 for distance in range(1, WINDOW + 1)))


MODEL = Ensemble(
    {
        "blstm-attention": Network(
            build, AUGMENTATIONS, learning_rate=1e-3, patience=15, mixup=0.2, label_smoothing=0.1
        )
    }
)
