"""The network of `paper-cnn` with its kernel sliding over the features."""

import keras
from keras import layers

from training.ensemble import Ensemble
from training.models.paper_cnn import blocks
from training.network import Network, Shapes


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network, not yet trained."""
    n_features = shapes.n_functionals
    inputs = keras.Input((n_features,), name="features")
    x = blocks(layers.Reshape((n_features, 1))(inputs))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


MODEL = Ensemble({"sliding-cnn": Network(build, refits=False)})
