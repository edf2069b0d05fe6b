"""Folds: which utterances train, which validate, which test.

The test part of each fold is held out. Of the rest, the validation part chooses when to stop and
which fold is exported; the training part trains network and scaler. A protocol is the splitter
that makes both cuts.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from training.corpora import Utterance
from training.errors import TrainingError

# `stratified` is the protocol of the research this grew out of: it mixes speakers, so its figures
# say little about voices that the model has never heard.
SPLITTERS = {"speaker-independent": StratifiedGroupKFold, "stratified": StratifiedKFold}
SPEAKER_INDEPENDENT = frozenset({"speaker-independent"})
VALIDATION_SHARE = 1 / 5

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fold:
    """One outer split.

    Attributes:
        number: counted from 1.
        train: indices of the utterances that train.
        validation: of those that choose.
        test: of those held out.
    """

    number: int
    train: Indices
    validation: Indices
    test: Indices


def make_folds(utterances: Sequence[Utterance], protocol: str, n_folds: int, seed: int) -> list[Fold]:
    """Split utterances into folds.

    Corpus and emotion are balanced over the folds as far as the speakers allow.

    Args:
        utterances: all of them.
        protocol: a name in `SPLITTERS`.
        n_folds: how many; every utterance is in the test part of one.
        seed: of the shuffling.

    Returns:
        The folds.

    Raises:
        TrainingError: too few speakers, or an emotion is missing from a part of a fold.
    """
    speakers = np.array([utterance.speaker for utterance in utterances])
    if protocol in SPEAKER_INDEPENDENT and len(set(speakers)) <= n_folds:
        raise TrainingError(
            f"{len(set(speakers))} speakers are too few for {n_folds} folds: "
            "take fewer folds (--folds) or more speech"
        )
    strata = np.array([f"{utterance.corpus} {utterance.emotion}" for utterance in utterances])
    folds = []
    for number, (rest, test) in enumerate(_cut(protocol, n_folds, seed, strata, speakers), start=1):
        inner = _cut(protocol, round(1 / VALIDATION_SHARE), seed, strata[rest], speakers[rest])
        train, validation = inner[0]
        fold = Fold(number, rest[train], rest[validation], test)
        _check(fold, utterances, protocol)
        folds.append(fold)
    return folds


def _cut(
    protocol: str, n_splits: int, seed: int, strata: NDArray[np.str_], speakers: NDArray[np.str_]
) -> list[tuple[Indices, Indices]]:
    """Cut once in each way, into a larger and a smaller part."""
    groups = speakers if protocol in SPEAKER_INDEPENDENT else None
    with warnings.catch_warnings():
        # A stratum smaller than the number of folds cannot be in each; _check says if that matters.
        warnings.simplefilter("ignore", UserWarning)
        try:
            splitter = SPLITTERS[protocol](n_splits, shuffle=True, random_state=seed)
            return list(splitter.split(np.zeros(len(strata)), strata, groups))
        except ValueError as error:
            raise TrainingError(f"cannot cut this speech into {n_splits} parts: {error}") from error


def _check(fold: Fold, utterances: Sequence[Utterance], protocol: str) -> None:
    """Raise if an emotion is missing from a part, or a voice is in two."""
    parts = {"training": fold.train, "validation": fold.validation, "test": fold.test}
    emotions = {utterance.emotion for utterance in utterances}
    for name, part in parts.items():
        missing = emotions - {utterances[index].emotion for index in part}
        if missing:
            raise TrainingError(
                f"fold {fold.number}: no {', '.join(sorted(missing))} in its {name} part; "
                "take fewer folds (--folds), another --seed or more speech"
            )
    if protocol in SPEAKER_INDEPENDENT:
        check_speaker_independent(fold, utterances)


def check_speaker_independent(fold: Fold, utterances: Sequence[Utterance]) -> None:
    """Raise if a voice is in two parts of a fold.

    Raises:
        TrainingError: naming the speakers.
    """
    voices = [
        {utterances[index].speaker for index in part} for part in (fold.train, fold.validation, fold.test)
    ]
    shared = (voices[0] & voices[1]) | (voices[0] & voices[2]) | (voices[1] & voices[2])
    if shared:
        raise TrainingError(f"fold {fold.number}: on both sides of a split: {', '.join(sorted(shared))}")
