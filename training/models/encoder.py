"""The default: heads on the statistics of the pretrained encoder.

The model averages a ridge regression and three small networks with one hidden layer. They use the same
statistics and make different errors: the ridge regression is better on corpora that did not train, the
networks on new speakers of known corpora. In a call, the regression also adapts the answers to the speaker
(`training.learning.speaker`). `docs/experiments.md`, "A pretrained encoder", compares alternatives.
"""

from training.learning.ensemble import Ensemble
from training.learning.network import Network
from training.learning.ridge_regression import Ridge
from training.models import dense, ridge

AUGMENTATIONS = ("voice-1", "line-1", "call-1")
"""The conditions of the training utterances beside `clean`. `docs/experiments.md`, "Statistics", compares
further ones."""

PENALTY = 3e-4
"""The penalty of the ridge regression. `docs/experiments.md`, "All statistics", compares it with others."""

CLEAN_WEIGHT = 10.0
"""The weight of clean speech in the ridge regression, relative to each augmented condition. Chosen in
`docs/experiments.md`, "Weight of clean speech"."""

RIDGE = "ridge"
DENSE_NAMES = ("dense-1", "dense-2", "dense-3")
"""The names of the networks with a hidden layer. Their number is not tuned."""

WEIGHT = 0.65
"""The fusion weight of the ridge regression; the networks share the rest. Chosen in `docs/experiments.md`,
"Weight of clean speech"."""

DENSE = Network(dense.build, AUGMENTATIONS, max_epochs=15, weight_decay=1e-2, label_smoothing=0.1)
MODEL = Ensemble(
    {
        RIDGE: Ridge(ridge.build, AUGMENTATIONS, penalty=PENALTY, clean_weight=CLEAN_WEIGHT, relative=True),
        **dict.fromkeys(DENSE_NAMES, DENSE),
    },
    weights={RIDGE: WEIGHT, **dict.fromkeys(DENSE_NAMES, (1 - WEIGHT) / len(DENSE_NAMES))},
    adapts_by=RIDGE,
)
