"""The fusion of `covariance` and `sequence-cnn` for openSMILE features.

The two networks are trained separately: `covariance` in closed form, `sequence-cnn` in many epochs. The
spread makes `covariance`, which has the larger fusion weight, robust against telephone lines.
"""

from training.data.conditions import AUGMENTATIONS
from training.learning.ensemble import Ensemble
from training.learning.ridge_regression import Ridge
from training.models import covariance, sequence_cnn

SPREAD = 3.0
"""The spread of `covariance`; chosen in `docs/experiments.md`, "What no line should change"."""

MODEL = Ensemble(
    {
        "covariance": Ridge(covariance.build, AUGMENTATIONS, spread=SPREAD),
        **sequence_cnn.MODEL.networks,
    }
)
