"""Ridge regression on the functionals, in closed form."""

from training.conditions import AUGMENTATIONS
from training.ensemble import Ensemble
from training.ridge import Ridge

MODEL = Ensemble({"ridge": Ridge(AUGMENTATIONS)})
