"""The network: a convolutional neural network over the functionals of one utterance.

It slides over the features themselves. In the research this grew out of (arXiv 2204.13601) the
features were the channels of a sequence of length one, over which no kernel can slide.
"""

import keras
from keras import layers

# Standardised features of a voice unlike any in training can be far out; beyond this they say no more.
MAX_DEVIATION = 10.0
FILTERS = 64


def build_cnn(n_features: int, n_labels: int) -> keras.Model:
    """Build the network, not yet trained.

    openSMILE orders functionals by descriptor, so that neighbours measure the same thing. The
    first block reads them in windows side by side; the second relates neighbouring windows; the
    classifier sees both. Nothing is pooled over the windows: where a value stands says what it
    measures.

    Args:
        n_features: the length of the input.
        n_labels: the length of the output.

    Returns:
        A model from `features`, float32 (n, n_features), standardised, to `probabilities`,
        float32 (n, n_labels).
    """
    inputs = keras.Input((n_features,), name="features")
    window = round(n_features**0.5)
    x = keras.ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
    x = layers.Reshape((n_features, 1))(x)
    first = _block(x, kernel_size=window, strides=window)
    second = _block(first, kernel_size=3, strides=1)
    x = layers.Flatten()(layers.Concatenate()([first, second]))
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(n_labels, activation="softmax", name="probabilities")(x))


def _block(x: keras.KerasTensor, kernel_size: int, strides: int) -> keras.KerasTensor:
    """Convolution, batch normalisation, spatial dropout."""
    x = layers.Conv1D(FILTERS, kernel_size, strides, padding="same", activation="relu")(x)
    # Keras's momentum of 0.99 needs hundreds of steps; a small corpus has a handful an epoch.
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.SpatialDropout1D(0.1)(x)
