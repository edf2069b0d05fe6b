"""A recurrent network on the sequence of low-level descriptors.

This is a small version of the sequence model of the project's predecessor; `blstm-attention` has its size.
Three convolutions reduce the sequence to one frame every 80 ms. A bidirectional LSTM (Hochreiter &
Schmidhuber 1997) processes the frames. Attention weights the states of the LSTM.
"""

import keras
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION, Network
from training.learning.trained_network import Shapes
from training.models.sequence_cnn import convolution

UNITS = 32
"""The size of the LSTM in each direction, and of the attention. Not tuned."""


def build(shapes: Shapes, n_labels: int, *, units: int = UNITS, dropout: float = 0.5) -> keras.Model:
    """Build the untrained network."""
    inputs = keras.Input((None, shapes.n_descriptors), name="descriptors")
    x = recurrent(ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION), units, dropout)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": inputs}, x)


def recurrent(x: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Apply the convolutions, the LSTM and the attention.

    Args:
        x: the sequences, shape (n, n_frames, n_values).
        units: the size of the LSTM in each direction, and of the attention.
        dropout: the share of the result that is dropped in training.

    Returns:
        A vector for each sequence, shape (n, 2 * units).
    """
    for _ in range(3):
        x = layers.Activation("relu")(convolution(x, strides=2))
        x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x)
    scores = layers.Dense(1)(layers.Dense(units, activation="tanh")(x))
    weights = ops.softmax(scores, axis=1)
    return layers.Dropout(dropout)(ops.sum(weights * x, axis=1))


MODEL = Ensemble(
    {
        "sequence-lstm": Network(
            build, AUGMENTATIONS, learning_rate=2e-3, patience=15, mixup=0.2, label_smoothing=0.1
        )
    }
)
