"""Ridge regression on the functionals in closed form."""

import keras
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION
from training.learning.ridge_regression import Ridge
from training.learning.trained_network import Shapes


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the untrained network."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


MODEL = Ensemble({"ridge": Ridge(build, AUGMENTATIONS)})
