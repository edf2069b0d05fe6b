"""The network of the research this grew out of (arXiv 2204.13601), as published.

The features are the channels of a sequence of length one: a kernel of 5 slides over nothing, and
the two convolutions are dense layers. `sliding-cnn` is the same with the features as the
sequence.
"""

import keras
from keras import layers

from training.ensemble import Ensemble
from training.network import Network, Shapes

FILTERS = (256, 128)
KERNEL_SIZE = 5


def build(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network, not yet trained."""
    n_features = shapes.n_functionals
    inputs = keras.Input((n_features,), name="features")
    x = blocks(layers.Reshape((1, n_features))(inputs))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


def blocks(x: keras.KerasTensor) -> keras.KerasTensor:
    """Two blocks of convolution, max pooling, batch normalisation, spatial dropout; average pooling."""
    for filters in FILTERS:
        x = layers.Conv1D(filters, KERNEL_SIZE, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(2, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.SpatialDropout1D(0.3)(x)
    return layers.GlobalAveragePooling1D()(x)


MODEL = Ensemble({"paper-cnn": Network(build, refits=False)})
