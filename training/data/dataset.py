"""The data of a run: utterances with targets and features, and the standardized inputs of a fold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.features import FeatureValues
from app.core.scaler import Scaler
from training.data.corpora import Utterance
from training.data.features import Extracted, KeptFeatures
from training.data.folds import Fold, Indices
from training.data.scaling import fit_scaler, identity_scaler, join_scalers

CHUNK = 256
"""The number of utterances whose features are in memory at once. Not tuned."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labeled speech with its features.

    Attributes:
        extracted: n utterances and their features.
        labels: the names of the classes.
        targets: the label indices, int64, shape (n,).
    """

    extracted: Extracted
    labels: tuple[str, ...]
    targets: NDArray[np.int64]

    @property
    def utterances(self) -> Sequence[Utterance]:
        """The n utterances."""
        return self.extracted.utterances

    @property
    def features(self) -> Mapping[str, KeptFeatures]:
        """The features of every utterance, by condition."""
        return self.extracted.features

    @property
    def feature_set(self) -> str:
        """The name of the feature set."""
        return self.extracted.feature_set

    @property
    def speakers(self) -> NDArray[np.str_]:
        """The speaker of each utterance, shape (n,)."""
        return np.array([utterance.speaker for utterance in self.utterances])


class Sequences(Sequence[NDArray[np.float32]]):
    """Descriptors of utterances, read and standardized at each access.

    The descriptors of a corpus under all conditions take gigabytes, so only one batch is in memory.
    """

    def __init__(self, read: Callable[[int], NDArray[np.float32]], n: int, scaler: Scaler) -> None:
        """Store the source of the sequences.

        Args:
            read: a function from an index to the descriptors of an utterance, shape (n_frames,
                n_descriptors).
            n: the number of utterances.
            scaler: the scaler of the descriptors.
        """
        self._read, self._n = read, n
        self._mean, self._scale = scaler.mean.astype(np.float32), scaler.scale.astype(np.float32)

    def __len__(self) -> int:
        """Return the number of utterances."""
        return self._n

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401  # one, or a list for a slice
        """Return the standardized descriptors of an utterance, float32, shape (n_frames, n_descriptors)."""
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        return (self._read(index) - self._mean) / self._scale

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of frames of each utterance, shape (n,)."""
        return np.array([len(self._read(index)) for index in range(self._n)], np.int64)


class Rows:
    """Functionals of utterances, read and standardized at each access.

    Those of a large corpus do not fit into memory.

    Attributes:
        shape: the number of utterances and the number of functionals.
    """

    def __init__(self, rows: NDArray[np.float32], scaler: Scaler) -> None:
        """Store the source of the rows.

        Args:
            rows: the functionals, shape (n, n_functionals), usually mapped to memory.
            scaler: the scaler of the functionals.
        """
        self._rows, self._scaler = rows, scaler
        self.shape: tuple[int, ...] = rows.shape

    def __getitem__(self, index: Any) -> NDArray[np.float32]:  # noqa: ANN401  # one, a slice, or several
        """Return standardized functionals, float32, shape (n_functionals,) or (n, n_functionals)."""
        return self._scaler.transform(self._rows[index])


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of the models of one fold.

    Attributes:
        functionals: the standardized functionals by condition, float32, shape (n, n_functionals), in memory
            or read at each access.
        descriptors: the standardized descriptors by condition and utterance, float32, shape (n_frames,
            n_descriptors).
        targets: the label indices, int64, shape (n,).
        n_labels: the number of labels.
        speakers: the speaker of each utterance, shape (n,).
    """

    functionals: Mapping[str, NDArray[np.float32] | Rows]
    descriptors: Mapping[str, Sequences]
    targets: NDArray[np.int64]
    n_labels: int
    speakers: NDArray[np.str_]


def scaler_of(
    dataset: Dataset, fold: Fold, conditions: Sequence[str], *, with_descriptors: bool = True
) -> Scaler:
    """Compute mean and scale of every feature over the training and validation parts.

    Args:
        dataset: all utterances with their features.
        fold: the fold, whose test part is not used.
        conditions: the conditions of the recordings.
        with_descriptors: False does not scale the descriptors, for models that do not use them.

    Returns:
        A scaler of the functionals, then of the descriptors. Every frame of the descriptors counts once.
    """
    features = [dataset.features[condition] for condition in conditions]
    functionals = fit_scaler(
        one.functionals[part] for one in features for part in in_chunks(fold.rest, CHUNK)
    )
    if with_descriptors:
        return join_scalers(functionals, fit_scaler(_descriptors(features, fold.rest)))
    return join_scalers(functionals, identity_scaler(features[0][0].descriptors.shape[1]))


def _descriptors(features: Sequence[KeptFeatures], part: Indices) -> Iterator[NDArray[np.float32]]:
    """Read the descriptors of some utterances under all conditions, in chunks of utterances."""
    for one in features:
        for chunk in in_chunks(part, CHUNK):
            yield np.concatenate([one.descriptors(index) for index in chunk])


def in_chunks(part: Indices, size: int) -> Iterator[Indices]:
    """Cut indices into chunks, each but the last with `size` indices."""
    for start in range(0, len(part), size):
        yield part[start : start + size]


def standardize(dataset: Dataset, scaler: Scaler) -> Inputs:
    """Standardize all features of a dataset.

    Args:
        dataset: all utterances with their features.
        scaler: the scaler of the fold.
    """
    n = len(dataset.utterances)
    functionals, descriptors = scaler.split(next(iter(dataset.features.values()))[0].functionals.size)
    return Inputs(
        {name: Rows(kept.functionals, functionals) for name, kept in dataset.features.items()},
        {name: Sequences(kept.descriptors, n, descriptors) for name, kept in dataset.features.items()},
        dataset.targets,
        len(dataset.labels),
        dataset.speakers,
    )


def standardize_part(
    dataset: Dataset, scaler: Scaler, condition: str, indices: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Standardize the functionals of some utterances, shape (n, n_functionals)."""
    rows = dataset.features[condition].functionals[indices]
    functionals, _ = scaler.split(rows.shape[1])
    return functionals.transform(rows)


def standardize_list(features: Sequence[FeatureValues], scaler: Scaler) -> Inputs:
    """Standardize features from outside a dataset, such as those of segments of calls.

    Args:
        features: the features of n utterances, n > 0.
        scaler: the scaler of the fold.
    """
    functionals, descriptors = scaler.split(features[0].functionals.size)

    def read(index: int) -> NDArray[np.float32]:
        return features[index].descriptors.astype(np.float32)

    return Inputs(
        {"clean": functionals.transform(np.stack([one.functionals for one in features]))},
        {"clean": Sequences(read, len(features), descriptors)},
        targets=np.zeros(len(features), np.int64),
        n_labels=0,
        speakers=np.zeros(len(features), np.str_),
    )
