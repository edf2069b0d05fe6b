"""One hidden layer over the functionals, with half of them dropped in training.

ComParE_2016 measures everything several times over: with half of it missing the network has to
rely on many features a little rather than on few a lot.
"""

import keras
from keras import layers, ops

from training.conditions import AUGMENTATIONS
from training.ensemble import Ensemble
from training.network import MAX_DEVIATION, Network, Shapes

UNITS = 128


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network, not yet trained."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = layers.Dropout(0.5)(ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION))
    x = layers.BatchNormalization(momentum=0.9)(layers.Dense(UNITS, use_bias=False)(x))
    x = layers.Dropout(0.5)(layers.Activation("relu")(x))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


MODEL = Ensemble({"dense": Network(build, AUGMENTATIONS, mixup=0.2, label_smoothing=0.1)})
