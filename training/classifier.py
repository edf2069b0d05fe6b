"""Baselines: classifiers of scikit-learn on the functionals, tuned on the validation part.

The setting that is best on the fold's validation part is fitted again on all that is not
held out, so that a baseline has as much speech to learn from as it can have.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from training.dataset import Inputs
from training.folds import Fold, Indices
from training.scores import uar

Setting = Mapping[str, float]


class Estimator(Protocol):
    """What is needed of a classifier."""

    def fit(self, features: NDArray[np.float32], targets: NDArray[np.int64]) -> object:
        """Learn."""

    def decision_function(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """A score for each label; for two labels, one for the second."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """A baseline.

    Attributes:
        make: a setting to a classifier that was not fitted yet.
        settings: those that are tried.
    """

    make: Callable[[Setting], Estimator]
    settings: Sequence[Setting]
    conditions: tuple[str, ...] = ("clean",)

    @property
    def refits(self) -> bool:
        """Yes: the classifier that answers is fitted on all that is not held out."""
        return True

    @property
    def needs_encoder(self) -> bool:
        """No: classifiers take any functionals."""
        return False

    @property
    def takes_descriptors(self) -> bool:
        """No: classifiers take functionals alone."""
        return False

    def limited(self, max_epochs: int | None) -> "Classifier":
        """The same: there are no epochs."""
        del max_epochs
        return self

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> "TrainedClassifier":
        """Tune on the validation part of a fold, then fit on all that is not held out.

        Args:
            inputs: of the fold.
            fold: whose training and validation part are used.
            seed: not used: nothing is random.
            folder: not used: fitting takes seconds.
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
    """What `Classifier.fit` found.

    Attributes:
        estimator: fitted.
        chosen: the setting that was best.
        validated: indices of the validation part, m of them.
        validation_probabilities: from the classifier that did not learn from it, (m, n_labels).
        seconds: that fitting took.
        histories: none: there are no epochs.
        members: none: there are no networks.
        speaker: none: it does not adapt.
    """

    estimator: Estimator
    chosen: dict[str, float]
    validated: Indices
    validation_probabilities: NDArray[np.float64]
    seconds: float
    histories: Sequence[dict[str, list[float]]] = ()
    members: Mapping[str, float] = field(default_factory=dict)
    speaker: None = None

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Probabilities of utterances under a condition, shape (n, n_labels)."""
        return _probabilities(self.estimator, inputs.functionals[condition][indices])


def _probabilities(estimator: Estimator, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn scores into probabilities; the temperature comes later."""
    scores = estimator.decision_function(features)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    probabilities: NDArray[np.float64] = softmax(scores, axis=1)
    return probabilities
