"""`fusion` trained on the recordings as they are: better where voices and room stay the same."""

from dataclasses import replace

from training.ensemble import Ensemble
from training.models import fusion

NETWORKS = fusion.MODEL.networks
MODEL = Ensemble({name: replace(network, augmentations=()) for name, network in NETWORKS.items()})
