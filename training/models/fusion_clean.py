"""`fusion` without augmentation, which is better if speakers and room do not change."""

from dataclasses import replace

from training.learning.ensemble import Ensemble
from training.models import fusion

NETWORKS = fusion.MODEL.networks
MODEL = Ensemble({name: replace(network, augmentations=()) for name, network in NETWORKS.items()})
