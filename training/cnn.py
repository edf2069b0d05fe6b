"""The network: a convolutional neural network over the functionals of one utterance."""

import keras
from keras import layers


def build_cnn(n_features: int, n_labels: int) -> keras.Model:
    x = inputs = keras.Input((n_features,), name="features")
    x = keras.ops.clip(x, -5.0, 5.0)
    x = layers.Reshape((n_features, 1))(x)
    for filters, kernel, stride in ((64, 19, 19), (128, 5, 1)):
        x = layers.Conv1D(filters, kernel, stride, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(2)(x)
        x = layers.BatchNormalization()(x)
        x = layers.SpatialDropout1D(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(n_labels, activation="softmax", name="probabilities")(x))
