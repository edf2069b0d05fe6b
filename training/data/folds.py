"""Folds: training, validation and test parts.

A protocol defines the held-out test part of each fold. One fifth of the other utterances is the
validation part, which selects the number of epochs, the hyperparameters and the fusion weights. The other
four fifths are the training part. If the test part shares no speaker with the other parts, the training
and the validation part share no speaker either.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from training.data.corpora import Utterance
from training.errors import TrainingError

N_INNER = 5
"""The number of pieces of the training and validation data; one piece is the validation part. Not tuned."""

Indices = NDArray[np.intp]
TestParts = list[tuple[str, Indices]]


@dataclass(frozen=True, slots=True)
class Fold:
    """One outer split.

    Attributes:
        number: the number of the fold, from 1.
        name: the name of the test part: a number or a corpus.
        train: the indices of the training part.
        validation: the indices of the validation part.
        test: the indices of the held-out test part.
        speaker_independent: True if no speaker is in two of the parts.
    """

    number: int
    name: str
    train: Indices
    validation: Indices
    test: Indices
    speaker_independent: bool

    @property
    def rest(self) -> Indices:
        """The indices of the training and the validation part together."""
        return np.union1d(self.train, self.validation)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol of cross-validation.

    Attributes:
        test_parts: a function from utterances, number of folds and seed to the name and the test part of
            each fold.
        own_labels: True if the target classes are the corpus's own labels, not the five emotions.
        speaker_independent: True if a speaker in two parts of a fold is an error.
        complete: True if every test part must contain every label.
        summary: a description for the model card.
    """

    test_parts: Callable[[Sequence[Utterance], int, int], TestParts]
    own_labels: bool
    speaker_independent: bool
    complete: bool
    summary: str


def make_folds(utterances: Sequence[Utterance], protocol: str, n_folds: int, seed: int) -> list[Fold]:
    """Split utterances into folds.

    Args:
        utterances: all utterances, with the labels of the protocol.
        protocol: the name of a protocol in `PROTOCOLS`.
        n_folds: the number of folds, if the protocol does not define it.
        seed: the seed of the shuffling.

    Returns:
        The folds of the protocol.

    Raises:
        TrainingError: there are too few utterances or speakers for the protocol, an emotion is missing
            from a part of a fold, or a speaker is in two parts although the protocol forbids it.
    """
    speakers, strata = _speakers(utterances), _strata(utterances)
    folds = []
    for number, (name, test) in enumerate(PROTOCOLS[protocol].test_parts(utterances, n_folds, seed), start=1):
        rest = np.setdiff1d(np.arange(len(utterances)), test)
        apart = not set(speakers[rest]) & set(speakers[test])
        groups = speakers[rest] if apart else None
        n_inner = N_INNER if groups is None else min(N_INNER, len(set(groups)))
        train, validation = _cut(n_inner, seed, strata[rest], groups)[0]
        fold = Fold(number, name, rest[train], rest[validation], test, apart)
        _check(fold, utterances, PROTOCOLS[protocol])
        folds.append(fold)
    return folds


def whole(utterances: Sequence[Utterance], seed: int, *, name: str, number: int) -> Fold:
    """Return a fold without a test part, for a model that is trained on all data.

    Args:
        utterances: all utterances. The validation part is speaker-independent if there are enough speakers.
        seed: the seed of the shuffling.
        name: the name of the fold.
        number: the number of the fold.
    """
    speakers = _speakers(utterances)
    apart = len(set(speakers)) > N_INNER
    train, validation = _cut(N_INNER, seed, _strata(utterances), speakers if apart else None)[0]
    return Fold(number, name, train, validation, np.zeros(0, np.intp), apart)


def _by_speaker(utterances: Sequence[Utterance], n_folds: int, seed: int) -> TestParts:
    """Put every speaker into one test part. Balance corpus and emotion as far as the speakers allow."""
    speakers = _speakers(utterances)
    if len(set(speakers)) <= n_folds:
        raise TrainingError(
            f"{len(set(speakers))} speakers are too few for {n_folds} folds: "
            "use fewer folds (--folds) or add speakers"
        )
    return _numbered(_cut(n_folds, seed, _strata(utterances), speakers))


def _by_utterance(utterances: Sequence[Utterance], n_folds: int, seed: int) -> TestParts:
    """Put every utterance into one test part. Balance corpus and emotion."""
    return _numbered(_cut(n_folds, seed, _strata(utterances), None))


def _by_publication(utterances: Sequence[Utterance], _n_folds: int, _seed: int) -> TestParts:
    """Use the column test_fold of the corpus. Rows without a fold are never in a test part."""
    corpora = sorted({utterance.corpus for utterance in utterances})
    if len(corpora) > 1:
        raise TrainingError(
            f"published folds are of one corpus, not of {', '.join(corpora)}: give one --corpus"
        )
    folds = np.array([utterance.test_fold or 0 for utterance in utterances])
    if not folds.any():
        raise TrainingError(f"{corpora[0]} has no published folds: its test_fold is empty in every row")
    return [(str(number), np.flatnonzero(folds == number)) for number in np.unique(folds[folds > 0])]


def _by_corpus(utterances: Sequence[Utterance], _n_folds: int, _seed: int) -> TestParts:
    """Make every corpus a test part."""
    corpora = np.array([utterance.corpus for utterance in utterances])
    names = list(dict.fromkeys(corpora.tolist()))
    if len(names) == 1:
        raise TrainingError(
            f"{names[0]} is the only corpus: nothing is left to train on; give a second --corpus"
        )
    return [(name, np.flatnonzero(corpora == name)) for name in names]


PROTOCOLS = {
    "speaker-independent": Protocol(
        _by_speaker,
        own_labels=False,
        speaker_independent=True,
        complete=True,
        summary="no speaker is in two parts of a fold",
    ),
    "published-folds": Protocol(
        _by_publication,
        own_labels=True,
        speaker_independent=False,
        complete=False,
        summary="the folds that were published with the corpus, and its own labels",
    ),
    # The protocol of arXiv 2204.13601.
    "stratified": Protocol(
        _by_utterance,
        own_labels=False,
        speaker_independent=False,
        complete=True,
        summary="speakers are in several parts of a fold",
    ),
    "leave-one-corpus-out": Protocol(
        _by_corpus,
        own_labels=False,
        speaker_independent=True,
        complete=False,
        summary="the test part of each fold is a corpus that did not train",
    ),
}


def _speakers(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    """Return the speaker of each utterance."""
    return np.array([utterance.speaker for utterance in utterances])


def _strata(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    """Return the stratum of each utterance, by corpus and emotion, to balance over the folds."""
    return np.array([f"{utterance.corpus} {utterance.emotion}" for utterance in utterances])


def _numbered(cuts: list[tuple[Indices, Indices]]) -> TestParts:
    """Return the test parts, named by number."""
    return [(str(number), test) for number, (_, test) in enumerate(cuts, start=1)]


def _cut(
    n_splits: int, seed: int, strata: NDArray[np.str_], groups: NDArray[np.str_] | None
) -> list[tuple[Indices, Indices]]:
    """Return `n_splits` splits into a larger and a smaller part. No split divides a group."""
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        # A stratum smaller than the number of folds cannot be in every fold. `_check` raises if this matters.
        warnings.simplefilter("ignore", UserWarning)
        try:
            cuts = splitter(n_splits, shuffle=True, random_state=seed)
            return list(cuts.split(np.zeros(len(strata)), strata, groups))
        except ValueError as error:
            raise TrainingError(f"cannot cut this speech into {n_splits} parts: {error}") from error


def _check(fold: Fold, utterances: Sequence[Utterance], protocol: Protocol) -> None:
    """Raise if an emotion is missing from a part, or if a speaker is in two parts against the protocol."""
    parts = {"training": fold.train, "validation": fold.validation}
    if protocol.complete:
        parts["test"] = fold.test
    emotions = {utterance.emotion for utterance in utterances}
    for name, part in parts.items():
        missing = emotions - {utterances[index].emotion for index in part}
        if missing:
            raise TrainingError(
                f"fold {fold.name}: no {', '.join(sorted(missing))} in its {name} part; "
                "use fewer folds (--folds), another --seed or more utterances"
            )
    if protocol.speaker_independent:
        check_speaker_independent(fold, utterances)


def check_speaker_independent(fold: Fold, utterances: Sequence[Utterance]) -> None:
    """Raise if a speaker is in two parts of a fold.

    Raises:
        TrainingError: a speaker is in two parts; the message names the speakers.
    """
    parts = (fold.train, fold.validation, fold.test)
    train, validation, test = ({utterances[index].speaker for index in part} for part in parts)
    shared = (train & validation) | (train & test) | (validation & test)
    if shared:
        raise TrainingError(
            f"fold {fold.name}: speakers in more than one part: {', '.join(sorted(shared))}; correct the "
            "names of the speakers, or choose another --protocol"
        )
