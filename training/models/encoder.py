"""The default: heads on the statistics of the pretrained encoder.

A ridge regression and three small networks with one hidden layer answer together. They look at the
same components and err differently: the ridge regression is better on corpora that were never heard,
the networks on speakers of known corpora. In a call, `SpeakerRidge` adapts the answers to the speaker.
`docs/experiments.md` has the alternatives.
"""

import keras
from keras import layers

from training.ensemble import Ensemble
from training.network import Network, Shapes
from training.ridge import Ridge
from training.speaker import SpeakerRidge

AUGMENTATIONS = ("voice-1", "line-1", "call-1")
PENALTY = 3e-4
UNITS = 256
N_DENSE = 3


def build_ridge(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build the ridge regression, not yet solved."""
    inputs = keras.Input((shapes.n_functionals,), name="features")
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(inputs)
    return keras.Model({"features": inputs}, x)


def build_dense(shapes: Shapes, n_labels: int) -> keras.Model:
    """Build a network with one hidden layer, not yet trained."""
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
