"""A network with one hidden layer on the functionals, and dropout of half of the inputs.

The functionals of ComParE_2016 are redundant. With dropout of the inputs, the network relies a little on
many features instead of strongly on few.
"""

import keras
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION, Network
from training.learning.trained_network import Shapes

UNITS = 128
"""The size of the hidden layer. `docs/experiments.md`, "Augmentation, level of features, fusion", compares
256."""


def build(
    shapes: Shapes, n_labels: int, *, units: int = UNITS, input_dropout: float = 0.5, dropout: float = 0.5
) -> keras.Model:
    """Build the untrained network."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = layers.Dropout(input_dropout)(ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION))
    x = layers.BatchNormalization(momentum=0.9)(layers.Dense(units, use_bias=False)(x))
    x = layers.Dropout(dropout)(layers.Activation("relu")(x))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


MODEL = Ensemble({"dense": Network(build, AUGMENTATIONS, mixup=0.2, label_smoothing=0.1)})
