"""Folds: which utterances train, which validate, which test.

A protocol says what is held out to test. Of the rest a fifth validates, that is, it chooses (how
long to train, hyper-parameters, temperature) for what trains on the other four. The rest is cut
as the test part was: without a common speaker, if the test part has none in common with it.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from training.corpora import Utterance
from training.errors import TrainingError

N_INNER = 5

Indices = NDArray[np.intp]
TestParts = list[tuple[str, Indices]]


@dataclass(frozen=True, slots=True)
class Fold:
    """One outer split.

    Attributes:
        number: counted from 1.
        name: what is held out: a number, or a corpus.
        train: indices of the utterances that train.
        validation: of those that choose.
        test: of those held out.
        speaker_independent: whether no voice is in two of the parts.
    """

    number: int
    name: str
    train: Indices
    validation: Indices
    test: Indices
    speaker_independent: bool

    @property
    def rest(self) -> Indices:
        """Indices of all utterances that are not held out."""
        return np.union1d(self.train, self.validation)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to test.

    Attributes:
        test_parts: utterances, number of folds and seed to the name and the test part of each fold.
        own_labels: whether the corpus's own labels are told apart, not the five emotions.
        speaker_independent: whether a voice on both sides of a split is an error.
        complete: whether every label has to be in every test part.
        summary: a line for people.
    """

    test_parts: Callable[[Sequence[Utterance], int, int], TestParts]
    own_labels: bool
    speaker_independent: bool
    complete: bool
    summary: str


def make_folds(utterances: Sequence[Utterance], protocol: str, n_folds: int, seed: int) -> list[Fold]:
    """Split utterances into folds.

    Args:
        utterances: all of them, with the labels of the protocol.
        protocol: a name in `PROTOCOLS`.
        n_folds: how many, where the protocol leaves that open.
        seed: of the shuffling.

    Returns:
        The folds.

    Raises:
        TrainingError: the speech does not suffice for the protocol, an emotion is missing from a
            part of a fold, or a voice would be on both sides of a split that forbids it.
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
    """A fold that holds nothing out, for a model that is trained on all data.

    Args:
        utterances: all of them; their validation part is cut by speaker if there are enough.
        seed: of the shuffling.
        name: of the fold.
        number: of the fold.
    """
    speakers = _speakers(utterances)
    apart = len(set(speakers)) > N_INNER
    train, validation = _cut(N_INNER, seed, _strata(utterances), speakers if apart else None)[0]
    return Fold(number, name, train, validation, np.zeros(0, np.intp), apart)


def _by_speaker(utterances: Sequence[Utterance], n_folds: int, seed: int) -> TestParts:
    """Every voice is in one test part; corpus and emotion are balanced as far as the voices allow."""
    speakers = _speakers(utterances)
    if len(set(speakers)) <= n_folds:
        raise TrainingError(
            f"{len(set(speakers))} speakers are too few for {n_folds} folds: "
            "take fewer folds (--folds) or more speech"
        )
    return _numbered(_cut(n_folds, seed, _strata(utterances), speakers))


def _by_utterance(utterances: Sequence[Utterance], n_folds: int, seed: int) -> TestParts:
    """Every utterance is in one test part; corpus and emotion are balanced."""
    return _numbered(_cut(n_folds, seed, _strata(utterances), None))


def _by_publication(utterances: Sequence[Utterance], _n_folds: int, _seed: int) -> TestParts:
    """As the corpus's table says in its column test_fold; rows without a fold only train."""
    corpora = sorted({utterance.corpus for utterance in utterances})
    if len(corpora) > 1:
        raise TrainingError(f"published folds are of one corpus, not of {', '.join(corpora)}: one --corpus")
    folds = np.array([utterance.test_fold or 0 for utterance in utterances])
    if not folds.any():
        raise TrainingError(f"{corpora[0]} has no published folds: its test_fold is empty in every row")
    return [(str(number), np.flatnonzero(folds == number)) for number in np.unique(folds[folds > 0])]


def _by_corpus(utterances: Sequence[Utterance], _n_folds: int, _seed: int) -> TestParts:
    """Every corpus is a test part."""
    corpora = np.array([utterance.corpus for utterance in utterances])
    names = list(dict.fromkeys(corpora.tolist()))
    if len(names) == 1:
        raise TrainingError(f"{names[0]} is the only corpus: nothing is left to train on; give another")
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
    # The protocol of the research this grew out of.
    "stratified": Protocol(
        _by_utterance,
        own_labels=False,
        speaker_independent=False,
        complete=True,
        summary="speakers are mixed",
    ),
    "leave-one-corpus-out": Protocol(
        _by_corpus,
        own_labels=False,
        speaker_independent=True,
        complete=False,
        summary="each fold tests on a corpus that it never heard",
    ),
}


def _speakers(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    return np.array([utterance.speaker for utterance in utterances])


def _strata(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    """What is balanced over the folds."""
    return np.array([f"{utterance.corpus} {utterance.emotion}" for utterance in utterances])


def _numbered(cuts: list[tuple[Indices, Indices]]) -> TestParts:
    return [(str(number), test) for number, (_, test) in enumerate(cuts, start=1)]


def _cut(
    n_splits: int, seed: int, strata: NDArray[np.str_], groups: NDArray[np.str_] | None
) -> list[tuple[Indices, Indices]]:
    """Cut once in each way, into a larger and a smaller part; a group is never divided."""
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        # A stratum smaller than the number of folds cannot be in each; _check says if that matters.
        warnings.simplefilter("ignore", UserWarning)
        try:
            cuts = splitter(n_splits, shuffle=True, random_state=seed)
            return list(cuts.split(np.zeros(len(strata)), strata, groups))
        except ValueError as error:
            raise TrainingError(f"cannot cut this speech into {n_splits} parts: {error}") from error


def _check(fold: Fold, utterances: Sequence[Utterance], protocol: Protocol) -> None:
    """Raise if an emotion is missing from a part, or a voice is in two that should not."""
    parts = {"training": fold.train, "validation": fold.validation}
    if protocol.complete:
        parts["test"] = fold.test
    emotions = {utterance.emotion for utterance in utterances}
    for name, part in parts.items():
        missing = emotions - {utterances[index].emotion for index in part}
        if missing:
            raise TrainingError(
                f"fold {fold.name}: no {', '.join(sorted(missing))} in its {name} part; "
                "take fewer folds (--folds), another --seed or more speech"
            )
    if protocol.speaker_independent:
        check_speaker_independent(fold, utterances)


def check_speaker_independent(fold: Fold, utterances: Sequence[Utterance]) -> None:
    """Raise if a voice is in two parts of a fold.

    Raises:
        TrainingError: naming the speakers.
    """
    parts = (fold.train, fold.validation, fold.test)
    train, validation, test = ({utterances[index].speaker for index in part} for part in parts)
    shared = (train & validation) | (train & test) | (validation & test)
    if shared:
        raise TrainingError(f"fold {fold.name}: on both sides of a split: {', '.join(sorted(shared))}")
