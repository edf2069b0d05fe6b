"""Ridge regression on the functionals, in closed form."""

import keras
from keras import layers, ops

from training.conditions import AUGMENTATIONS
from training.ensemble import Ensemble
from training.network import MAX_DEVIATION, Shapes
from training.ridge import Ridge


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network, not yet trained."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


MODEL = Ensemble({"ridge": Ridge(build, AUGMENTATIONS)})
