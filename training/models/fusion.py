"""The default: two networks over the functionals and one over the descriptors, answering together.

They are trained apart, since they are learnt in different ways: one in closed form, one in few
epochs, and the descriptors in many.
"""

from training.ensemble import Ensemble
from training.models import dense, ridge, sequence_cnn

MODEL = Ensemble({**ridge.MODEL.networks, **dense.MODEL.networks, **sequence_cnn.MODEL.networks})
