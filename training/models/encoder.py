"""The default: heads on the statistics of the pretrained encoder.

The model averages a ridge regression and three small networks with one hidden layer. They use the same
components and make different errors: the ridge regression is better on corpora that did not train, the
networks on new speakers of known corpora. In a call, `SpeakerRidge` adapts the answers to the speaker.
`docs/experiments.md`, "A pretrained encoder", compares alternatives.
"""

import keras
from keras import layers

from training.learning.ensemble import Ensemble
from training.learning.network import Network
from training.learning.ridge_regression import Ridge
from training.learning.speaker import SpeakerRidge
from training.learning.trained_network import Shapes

AUGMENTATIONS = ("voice-1", "line-1", "call-1")
"""The conditions of the training utterances beside `clean`. `docs/experiments.md`, "Statistics", compares
further ones."""

PENALTY = 3e-4
"""The penalty of the ridge regression. `docs/experiments.md`, "Statistics", compares it with others."""

UNITS = 256
"""The size of the hidden layer. `docs/experiments.md`, "Differences between speakers and corpora", compares
other sizes."""

N_DENSE = 3
"""The number of networks with a hidden layer. Not tuned."""


def build_ridge(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the network of the ridge regression, not solved."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(inputs)
    return keras.Model({"features": inputs}, x)


def build_dense(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build an untrained network with one hidden layer."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = layers.Dropout(0.2)(inputs)
    x = layers.BatchNormalization(momentum=0.9)(layers.Dense(UNITS, use_bias=False)(x))
    x = layers.Dropout(0.5)(layers.Activation("relu")(x))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"features": inputs}, x)


DENSE = Network(build_dense, AUGMENTATIONS, max_epochs=15, weight_decay=1e-2, label_smoothing=0.1)
MODEL = Ensemble(
    {
        "ridge": Ridge(build_ridge, AUGMENTATIONS, penalty=PENALTY, relative=True),
        **{f"dense-{number}": DENSE for number in range(1, N_DENSE + 1)},
    },
    speaker=SpeakerRidge(AUGMENTATIONS),
)
