"""What a run learns from: utterances with targets and features, and a fold's standardised share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from app.core.features import Features
from app.core.scaler import Scaler
from training.corpora import Utterance
from training.extract import Extracted
from training.folds import Fold


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled speech with its features.

    Attributes:
        extracted: n utterances and their features.
        labels: what is told apart.
        targets: label indices, int64, shape (n,).
    """

    extracted: Extracted
    labels: tuple[str, ...]
    targets: NDArray[np.int64]

    @property
    def utterances(self) -> Sequence[Utterance]:
        """All n of them."""
        return self.extracted.utterances

    @property
    def features(self) -> Mapping[str, Sequence[Features]]:
        """For each condition, the features of every utterance."""
        return self.extracted.features


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the models of one fold are fed.

    Attributes:
        functionals: standardised, for each condition float32, shape (n, n_functionals).
        descriptors: standardised, for each condition and utterance float32, shape (n_frames,
            n_descriptors).
        targets: label indices, int64, shape (n,).
        n_labels: how many labels there are.
    """

    functionals: Mapping[str, NDArray[np.float32]]
    descriptors: Mapping[str, Sequence[NDArray[np.float32]]]
    targets: NDArray[np.int64]
    n_labels: int


def fit_scaler(dataset: Dataset, fold: Fold, conditions: Sequence[str]) -> Scaler:
    """Find mean and scale of every feature over all that is not held out.

    Args:
        dataset: with all utterances.
        fold: whose test part does not count.
        conditions: under which it is heard.

    Returns:
        A scaler of the functionals, then the descriptors (whose every frame counts).
    """
    functionals, descriptors = StandardScaler(), StandardScaler()
    for condition in conditions:
        heard = [dataset.features[condition][index] for index in fold.rest]
        functionals.partial_fit(np.stack([features.functionals for features in heard]).astype(np.float64))
        descriptors.partial_fit(
            np.concatenate([features.descriptors for features in heard]).astype(np.float64)
        )
    return Scaler(
        np.concatenate([functionals.mean_, descriptors.mean_]),
        np.concatenate([functionals.scale_, descriptors.scale_]),
    )


def standardise(dataset: Dataset, scaler: Scaler) -> Inputs:
    """Standardise all features of a dataset.

    Args:
        dataset: with all utterances.
        scaler: of the fold.
    """
    (first, *_) = next(iter(dataset.features.values()))
    functionals, descriptors = scaler.split(first.functionals.size)
    return Inputs(
        {
            condition: functionals.transform(np.stack([one.functionals for one in features]))
            for condition, features in dataset.features.items()
        },
        {
            condition: [descriptors.transform(one.descriptors) for one in features]
            for condition, features in dataset.features.items()
        },
        dataset.targets,
        len(dataset.labels),
    )
