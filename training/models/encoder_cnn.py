"""A convolutional network on the states of the pretrained encoder.

Learned weights average the layers of the encoder (SUPERB: Yang et al. 2021, arXiv 2105.01051). Two residual
blocks of convolutions extend the context of each state of 80 ms. Attentive statistics pooling (Okabe et al.
2018, arXiv 1803.10963) summarizes the utterance.
"""

import keras
from keras import layers, ops

from training.data.conditions import AUGMENTATIONS
from training.encoder.graph import WIDTH as STATE_WIDTH
from training.learning.ensemble import Ensemble
from training.learning.network import MAX_DEVIATION, Network
from training.learning.trained_network import Shapes
from training.models.sequence_cnn import attentive_statistics, residual_blocks

# The sizes of the network are not tuned.
WIDTH = 128
KERNEL_SIZE = 3
N_BLOCKS = 2


def build(
    shapes: Shapes,
    n_labels: int,
    *,
    width: int = WIDTH,
    kernel_size: int = KERNEL_SIZE,
    n_blocks: int = N_BLOCKS,
    dropout: float = 0.5,
) -> keras.Model:
    """Build the untrained network."""
    inputs = keras.Input((None, shapes.n_descriptors), name="descriptors")
    x = ops.clip(inputs, -MAX_DEVIATION, MAX_DEVIATION)
    x = LayerMixture(max(shapes.n_descriptors // STATE_WIDTH, 1))(x)
    x = layers.SpatialDropout1D(0.2)(x)
    x = layers.BatchNormalization(momentum=0.9)(layers.Dense(width, use_bias=False)(x))
    x = layers.Activation("relu")(x)
    x = residual_blocks(x, width, kernel_size, n_blocks)
    x = layers.Dropout(dropout)(attentive_statistics(x))
    x = layers.Dense(n_labels, activation="softmax", name="probabilities")(x)
    return keras.Model({"descriptors": inputs}, x)


@keras.saving.register_keras_serializable("training")
class LayerMixture(layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """The weighted mean of the encoder's layers, with learned weights that sum to 1."""

    def __init__(self, n_layers: int, **settings: object) -> None:
        """Start with equal weights.

        Args:
            n_layers: the number of layers that are concatenated in a state.
            **settings: further arguments of `keras.layers.Layer`.
        """
        super().__init__(**settings)
        self.n_layers = n_layers
        self.scores = self.add_weight(shape=(n_layers,), initializer="zeros", name="scores")

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Average the layers: shape (n, n_states, n_layers * width) to (n, n_states, width)."""
        weights = ops.exp(self.scores) / ops.sum(ops.exp(self.scores))
        parts = ops.split(x, self.n_layers, axis=-1)
        return sum(weights[layer] * part for layer, part in enumerate(parts))

    def get_config(self) -> dict[str, object]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "n_layers": self.n_layers}


MODEL = Ensemble(
    {"encoder-cnn": Network(build, AUGMENTATIONS, max_epochs=15, mixup=0.2, label_smoothing=0.1)}
)
