"""The default: two networks, over functionals and descriptors, answering together.

They are trained apart, since they are learnt in different ways: one in closed form, the one over
the sequence of descriptors in many epochs. The one in closed form counts most, so it is the one
that has to hear through a telephone as without.
"""

from training.conditions import AUGMENTATIONS
from training.ensemble import Ensemble
from training.models import covariance, sequence_cnn
from training.ridge import Ridge

SPREAD = 3.0

MODEL = Ensemble(
    {
        "covariance": Ridge(covariance.build, AUGMENTATIONS, spread=SPREAD),
        **sequence_cnn.MODEL.networks,
    }
)
