"""A convolutional network over the functionals of one utterance.

openSMILE orders functionals by descriptor, so neighboring functionals describe the same descriptor. The
first block convolves adjacent windows. The second block combines neighboring windows. The classifier uses
the outputs of both. The network does not pool over the windows, since the position of a value tells what
it measures.
"""

import keras
from keras import layers

from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION, Network
from training.learning.trained_network import Shapes

FILTERS = 64
"""The number of filters. Not tuned."""


def build(shapes: Shapes, n_labels: int, *, filters: int = FILTERS, dropout: float = 0.5) -> keras.Model:
    """Build the untrained network."""
    n_features = shapes.n_functionals
    window = round(n_features**0.5)
    inputs = keras.Input((n_features,), name="features")
    x = layers.Reshape((n_features, 1))(keras.ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION))
    first = block(x, filters, kernel_size=window, strides=window)
    second = block(first, filters, kernel_size=3, strides=1)
    x = layers.Flatten()(layers.Concatenate()([first, second]))
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


def block(x: keras.KerasTensor, filters: int, kernel_size: int, strides: int) -> keras.KerasTensor:
    """Apply convolution, batch normalization and spatial dropout."""
    x = layers.Conv1D(filters, kernel_size, strides, padding="same", activation="relu")(x)
    # The default momentum of Keras, 0.99, needs hundreds of steps; a small corpus has few in an epoch.
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.SpatialDropout1D(0.1)(x)


MODEL = Ensemble({"cnn": Network(build, mixup=0.2, label_smoothing=0.1)})
