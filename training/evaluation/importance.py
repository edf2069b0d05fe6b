"""Permutation importance of groups of values: the loss of UAR when a group no longer fits its utterance.

The values of a group are exchanged between utterances, together, and the trained network answers again
(Breiman, "Random Forests", Machine Learning 45, 2001; for any model and for groups: Fisher, Rudin & Dominici,
"All Models are Wrong, but Many are Useful", JMLR 20, 2019). A small loss does not mean that a group contains
no information, because the other groups may contain the same information.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.encoder.graph import N_STATISTICS, WIDTH
from training.learning.scores import N_RESAMPLES, interval, resampled_uar, speaker_counts, uar

Groups = Mapping[str, NDArray[np.intp]]
"""The columns of each group by its name."""

STATISTIC_NAMES = ("mean", "standard deviation", "10th percentile", "90th percentile", "changes")
"""The statistics of `training.encoder.graph`, in their order."""

OPENSMILE_GROUPS = {
    "temporal": r"loudnessPeaksPerSec|VoicedSegmentsPerSec|(Mean|Stddev)(Unv|V)oicedSegmentLength",
    "loudness": r"loudness_|equivalentSoundLevel|pcm_(RMSenergy|intensity|loudness)"
    r"|audspec(Rasta)?_lengthL1norm",
    "MFCC": r"mfcc",
    "voice quality": r"jitter|shimmer|(log)?HNR|logRelF0|voicingFinal|voiceProb",
    "F0": r"F0",
    "formants": r"F[123]|lspFreq",
    "spectral": r"alphaRatio|hammarberg|slope|spectralFlux|audSpec_Rfilt|pcm_(fftMag|zcr)",
}
"""Patterns of the first characters of the names of functionals. The first match counts. The groups follow
Eyben et al. 2016 (GeMAPS, IEEE Trans. Affective Computing 7) and keep voice quality apart."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of one group.

    Attributes:
        group: the name of the group.
        n_values: the number of values in the group.
        drop: the loss of UAR, the mean over the repeats.
        repeats: the smallest and the largest loss of a repeat.
        speakers: the 95 % bootstrap interval of `drop` over speakers.
    """

    group: str
    n_values: int
    drop: float
    repeats: tuple[float, float]
    speakers: tuple[float, float]


def importances(  # noqa: PLR0913  # independent settings of one figure
    values: NDArray[np.float32],
    truth: NDArray[np.int64],
    speakers: Sequence[str],
    groups: Groups,
    answer: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    n_repeats: int,
    seed: int,
) -> list[Importance]:
    """Measure the importance of each group.

    Args:
        values: the values of the utterances, float32, shape (n, n_values).
        truth: the true label indices, shape (n,).
        speakers: the speaker of each utterance.
        groups: the groups of columns.
        answer: the network, from values to probabilities, shape (n, n_labels).
        n_repeats: the number of permutations. All groups have the same permutations.
        seed: the seed of permutations and bootstrap.

    Returns:
        A result for each group, in the order of `groups`.
    """
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(values)) for _ in range(n_repeats)]
    recognized = answer(values).argmax(axis=1)
    before = resampled_uar(speaker_counts(truth, recognized == truth, speakers), N_RESAMPLES, seed)
    found = []
    for name, columns in tqdm(groups.items(), "importance"):
        permuted = []
        for order in orders:
            changed = values.copy()
            changed[:, columns] = values[np.ix_(order, columns)]
            permuted.append(answer(changed).argmax(axis=1))
        drops = [uar(truth, recognized) - uar(truth, one) for one in permuted]
        correct = np.mean([one == truth for one in permuted], axis=0)
        after = resampled_uar(speaker_counts(truth, correct, speakers), N_RESAMPLES, seed)
        limits = (min(drops), max(drops))
        found.append(Importance(name, len(columns), float(np.mean(drops)), limits, interval(before - after)))
    return found


def groups_of_functionals(names: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Group the functionals of openSMILE by what they measure.

    Args:
        names: the names of the functionals.

    Returns:
        The columns of each group that occurs. Names that no pattern describes are in `other`.
    """
    of_name = [
        next((group for group, pattern in OPENSMILE_GROUPS.items() if re.match(pattern, name)), "other")
        for name in names
    ]
    return {
        group: np.flatnonzero([own == group for own in of_name])
        for group in (*OPENSMILE_GROUPS, "other")
        if group in of_name
    }


def groups_of_statistics(n_values: int) -> dict[str, NDArray[np.intp]]:
    """Group the statistics of the encoder by layer, then by statistic.

    Args:
        n_values: the number of all statistics, `N_STATISTICS * n_layers * WIDTH`.
    """
    columns = np.arange(n_values).reshape(N_STATISTICS, -1, WIDTH)
    layers = {f"encoder layer {layer + 1}": columns[:, layer].ravel() for layer in range(columns.shape[1])}
    return layers | {name: columns[place].ravel() for place, name in enumerate(STATISTIC_NAMES)}
