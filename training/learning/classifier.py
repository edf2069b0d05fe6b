"""Baselines: scikit-learn classifiers on the functionals, tuned on the validation part.

The setting with the best validation UAR is fitted again on the training and validation parts together,
so that a baseline learns from the same speech as the other models.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from app.core.manifest import Hyperparameter
from training.data.dataset import Inputs
from training.data.folds import Fold, Indices
from training.learning.scores import uar

Setting = Mapping[str, float]


class Estimator(Protocol):
    """The interface of a scikit-learn classifier."""

    def fit(self, features: NDArray[np.float32], targets: NDArray[np.int64]) -> object:
        """Fit the classifier."""

    def decision_function(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return a score for each label, or a single score for the second of two labels."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """A baseline.

    Attributes:
        make: a function from a setting to an unfitted classifier.
        settings: the settings to compare on the validation part.
        conditions: the conditions of the training utterances.
    """

    make: Callable[[Setting], Estimator]
    settings: Sequence[Setting]
    conditions: tuple[str, ...] = ("clean",)

    @property
    def refits(self) -> bool:
        """True: the final classifier is fitted on the training and validation parts."""
        return True

    @property
    def fits_weights(self) -> bool:
        """False: one classifier has no fusion weights."""
        return False

    @property
    def needs_encoder(self) -> bool:
        """False: classifiers use any functionals."""
        return False

    @property
    def exportable(self) -> bool:
        """False: a classifier is no network."""
        return False

    @property
    def random(self) -> bool:
        """False: the seed changes nothing."""
        return False

    @property
    def hyperparameters(self) -> Mapping[str, Mapping[str, Hyperparameter]]:
        """Nothing: `settings` are compared on each fold."""
        return {}

    @property
    def search(self) -> None:
        """None: `settings` are few, so that each of them is compared."""
        return

    @property
    def takes_descriptors(self) -> bool:
        """False: classifiers use functionals only."""
        return False

    def limited(self, max_epochs: int | None) -> "Classifier":
        """Return the classifier unchanged, since it has no epochs."""
        del max_epochs
        return self

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> "TrainedClassifier":
        """Tune on the validation part of a fold, then fit on the training and validation parts.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts are used.
            seed: unused, since nothing is random.
            folder: unused, since fitting takes seconds.
        """
        del seed, folder
        features, targets = inputs.functionals["clean"], inputs.targets
        started = time.monotonic()
        best: tuple[float, Setting, NDArray[np.float64]] | None = None
        for setting in self.settings:
            estimator = self.make(setting)
            estimator.fit(features[fold.train], targets[fold.train])
            answers = _probabilities(estimator, features[fold.validation])
            score = uar(targets[fold.validation], answers.argmax(axis=1))
            if best is None or score > best[0]:
                best = score, setting, answers
        assert best is not None
        estimator = self.make(best[1])
        estimator.fit(features[fold.rest], targets[fold.rest])
        seconds = time.monotonic() - started
        return TrainedClassifier(estimator, dict(best[1]), fold.validation, best[2], seconds)


@dataclass(frozen=True, slots=True)
class TrainedClassifier:
    """A baseline after training on one fold.

    Attributes:
        estimator: the fitted classifier.
        chosen: the best setting.
        validated: the indices of the m utterances of the validation part.
        validation_probabilities: the probabilities of the validation part from the classifier that was fitted
            on the training part alone, shape (m, n_labels).
        seconds: the duration of the training in seconds.
        histories: an empty sequence, since there are no epochs.
        members: an empty mapping, since there are no networks.
        hyperparameters: an empty mapping, since there are no networks.
        speaker: None, since a baseline does not adapt to speakers.
    """

    estimator: Estimator
    chosen: dict[str, float]
    validated: Indices
    validation_probabilities: NDArray[np.float64]
    seconds: float
    histories: Sequence[dict[str, list[float]]] = ()
    members: Mapping[str, float] = field(default_factory=dict)
    hyperparameters: Mapping[str, Mapping[str, Hyperparameter]] = field(default_factory=dict)
    speaker: None = None

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Return the probabilities of utterances under a condition, shape (n, n_labels)."""
        return _probabilities(self.estimator, inputs.functionals[condition][indices])


def _probabilities(estimator: Estimator, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the softmax of the scores, without calibration."""
    scores = estimator.decision_function(features)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    probabilities: NDArray[np.float64] = softmax(scores, axis=1)
    return probabilities
