"""The network of arXiv 2204.13601, as published.

The features are the channels of a sequence of length 1. So the kernel of size 5 does not slide, and the two
convolutions act as dense layers. `sliding-cnn` is the same network with the features as the sequence.
"""

import keras
from keras import layers

from training.learning.ensemble import Ensemble
from training.learning.network import Network
from training.learning.trained_network import Shapes

# The sizes of arXiv 2204.13601.
FILTERS = (256, 128)
KERNEL_SIZE = 5


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the untrained network."""
    n_features = shapes.n_functionals
    inputs = keras.Input((n_features,), name="features")
    x = blocks(layers.Reshape((1, n_features))(inputs))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


def blocks(x: keras.KerasTensor) -> keras.KerasTensor:
    """Apply two blocks of convolution, pooling, normalization and dropout, then global average pooling."""
    for filters in FILTERS:
        x = layers.Conv1D(filters, KERNEL_SIZE, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(2, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.SpatialDropout1D(0.3)(x)
    return layers.GlobalAveragePooling1D()(x)


MODEL = Ensemble({"paper-cnn": Network(build, refits=False)})
