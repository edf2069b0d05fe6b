"""The default: heads on the statistics of the pretrained encoder.

The model averages a ridge regression and three small networks with one hidden layer. They use the same
statistics and make different errors: the ridge regression is better on corpora that did not train, the
networks on new speakers of known corpora. In a call, `SpeakerRidge` adapts the answers to the speaker.
`docs/experiments.md`, "A pretrained encoder", compares alternatives.
"""

from training.learning.ensemble import Ensemble
from training.learning.network import Network
from training.learning.ridge_regression import Ridge
from training.learning.speaker import SpeakerRidge
from training.models import dense, ridge

AUGMENTATIONS = ("voice-1", "line-1", "call-1")
"""The conditions of the training utterances beside `clean`. `docs/experiments.md`, "Statistics", compares
further ones."""

PENALTY = 3e-4
"""The penalty of the ridge regression. `docs/experiments.md`, "All statistics", compares it with others."""

N_DENSE = 3
"""The number of networks with a hidden layer. Not tuned."""

DENSE = Network(dense.build, AUGMENTATIONS, max_epochs=15, weight_decay=1e-2, label_smoothing=0.1)
MODEL = Ensemble(
    {
        "ridge": Ridge(ridge.build, AUGMENTATIONS, penalty=PENALTY, relative=True),
        **{f"dense-{number}": DENSE for number in range(1, N_DENSE + 1)},
    },
    speaker=SpeakerRidge(AUGMENTATIONS),
)
