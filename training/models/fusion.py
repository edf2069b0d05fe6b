"""The default: three networks, over functionals and descriptors, answering together.

They are trained apart, since they are learnt in different ways: one in closed form, one in few
epochs, and the one over the sequence of descriptors in many.
"""

from training.ensemble import Ensemble
from training.models import covariance, dense, sequence_cnn

MODEL = Ensemble({**covariance.MODEL.networks, **dense.MODEL.networks, **sequence_cnn.MODEL.networks})
