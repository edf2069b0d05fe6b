"""The UAR of groups of speakers, and the gap between the best and the worst group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.learning.scores import N_RESAMPLES, Labels, interval, resampled_uar, speaker_counts, uar


@dataclass(frozen=True, slots=True)
class Group:
    """The scores of a group of speakers.

    Attributes:
        n_utterances: the number of utterances.
        n_speakers: the number of speakers.
        n_labels: the number of labels that occur.
        uar: the UAR, from 0 to 1.
        interval_95: the 95 % bootstrap interval of the UAR over the speakers of the group.
    """

    n_utterances: int
    n_speakers: int
    n_labels: int
    uar: float
    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference in UAR between groups of speakers.

    Attributes:
        groups: the groups by name, in alphabetical order.
        best: the name of the group with the highest UAR.
        worst: the name of the group with the lowest UAR.
        difference: the UAR of the best group minus that of the worst.
        interval_95: the 95 % bootstrap interval of this difference over the speakers of both groups. The
            groups are chosen by their UAR, so that the difference is too large on average, above all if
            there are many groups with few speakers.
    """

    groups: dict[str, Group]
    best: str
    worst: str
    difference: float
    interval_95: tuple[float, float]


def gap_between(
    names: Sequence[str | None], truth: Labels, recognized: Labels, speakers: Sequence[str], seed: int
) -> Gap | None:
    """Compare groups of speakers.

    Args:
        names: the group of each utterance; utterances with None do not count.
        truth: the true label indices, shape (n,).
        recognized: the recognized label indices, shape (n,).
        speakers: the speaker of each utterance.
        seed: the seed of the bootstrap samples.

    Returns:
        The gap; None if there are fewer than two groups.
    """
    known = sorted({name for name in names if name is not None})
    if len(known) < 2:  # noqa: PLR2004  # a gap needs two
        return None
    members = {name: np.array([one == name for one in names]) for name in known}
    counts = {
        name: speaker_counts(truth[own], truth[own] == recognized[own], np.asarray(speakers)[own].tolist())
        for name, own in members.items()
    }
    # The groups have different speakers, so that their samples are independent.
    samples = {
        name: resampled_uar(counts[name], N_RESAMPLES, seed + place) for place, name in enumerate(known)
    }
    groups = {
        name: Group(
            int(own.sum()),
            len(counts[name]),
            len(np.unique(truth[own])),
            uar(truth[own], recognized[own]),
            interval(samples[name]),
        )
        for name, own in members.items()
    }
    best, worst = (choose(groups, key=lambda name: groups[name].uar) for choose in (max, min))
    return Gap(
        groups,
        best,
        worst,
        groups[best].uar - groups[worst].uar,
        interval(samples[best] - samples[worst]),
    )
