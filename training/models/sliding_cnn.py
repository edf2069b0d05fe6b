"""The network of `paper-cnn` with a kernel that slides over the features."""

import keras
from keras import layers

from training.learning.ensemble import Ensemble
from training.learning.network import Network
from training.learning.trained_network import Shapes
from training.models.paper_cnn import blocks


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the untrained network."""
    n_features = shapes.n_functionals
    inputs = keras.Input((n_features,), name="features")
    x = blocks(layers.Reshape((n_features, 1))(inputs))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


MODEL = Ensemble({"sliding-cnn": Network(build, refits=False)})
