"""Low-level descriptors → convolution → bidirectional LSTM → attention.

The sequence model of the repository that this grew out of: the convolution shortens the sequence
to a frame every 80 ms, the LSTM (Hochreiter & Schmidhuber 1997) reads it both ways, attention
weighs its states.
"""

import keras
from keras import layers, ops

from training.conditions import AUGMENTATIONS
from training.ensemble import Ensemble
from training.models.sequence_cnn import convolution
from training.network import MAX_DEVIATION, Network, Shapes

UNITS = 32


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network, not yet trained."""
    inputs = keras.Input((None, shapes.n_descriptors), name="descriptors")
    x = ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
    for _ in range(3):
        x = layers.Activation("relu")(convolution(x, strides=2))
        x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))(x)
    scores = layers.Dense(1)(layers.Dense(UNITS, activation="tanh")(x))
    weights = ops.softmax(scores, axis=1)
    x = layers.Dropout(0.5)(ops.sum(weights * x, axis=1))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": inputs}, x)


MODEL = Ensemble(
    {
        "sequence-lstm": Network(
            build, AUGMENTATIONS, learning_rate=2e-3, patience=15, mixup=0.2, label_smoothing=0.1
        )
    }
)
