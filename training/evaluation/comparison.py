"""The figures of a comparison: each model in each test, every pair of models, their ranks and their cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.evaluation.fold import FoldResult
from training.evaluation.results import join
from training.learning.ranks import mean_ranks
from training.learning.scores import N_RESAMPLES, interval, mean_and_sd, resampled_uar, speaker_counts
from training.learning.significance import Difference, Resampled, holm, paired_difference, resample

MIN_TESTS = 10
"""The number of tests from which the tests are ranked; below it, their folds are. Nemenyi's test rests on a
distribution for more than 10 data sets (Demšar 2006, section 3.2.2)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model with the features that it uses.

    Attributes:
        model: the name of the model.
        feature_set: the name of the feature set.
    """

    model: str
    feature_set: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of one candidate in one test. Shares are from 0 to 1.

    Attributes:
        model: the name of the model.
        feature_set: the name of the feature set.
        test: the title of the test.
        n_folds: the number of folds.
        uar: the mean UAR over the folds and the seeds of training.
        uar_sd: the sample standard deviation of the UAR over the folds; None for one fold.
        low: the lower limit of the 95 % interval of the UAR over speakers.
        high: the upper limit of this interval.
        accuracy: the mean accuracy over the folds and seeds.
        validation_uar: the mean validation UAR over the folds and seeds.
        n_seeds: the number of seeds of training.
        uar_seed_sd: the sample standard deviation of the UAR over the seeds; None for one seed.
    """

    model: str
    feature_set: str
    test: str
    n_folds: int
    uar: float
    uar_sd: float | None
    low: float
    high: float
    accuracy: float
    validation_uar: float
    n_seeds: int = 1
    uar_seed_sd: float | None = None

    @property
    def candidate(self) -> Candidate:
        """The model with its features."""
        return Candidate(self.model, self.feature_set)


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate in one test, with everything that comparisons with other candidates need.

    Attributes:
        cell: the figures.
        fold_uars: the UAR of each fold, the mean over the seeds, shape (n_folds,).
        resampled: the UAR in bootstrap samples of the speakers.
        milliseconds: the measured processor time of the model for one utterance, in milliseconds.
    """

    cell: Cell
    fold_uars: NDArray[np.float64]
    resampled: Resampled
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates in one test. The first one has the higher UAR.

    Attributes:
        test: the title of the test.
        first: the first candidate.
        second: the second candidate.
        n_speakers: the number of speakers in the test parts.
        difference: the difference in UAR.
        corrected: the p-value, corrected for the number of all pairs of the comparison.
    """

    test: str
    first: Candidate
    second: Candidate
    n_speakers: int
    difference: Difference
    corrected: float


@dataclass(frozen=True, slots=True)
class Ranks:
    """The mean ranks of candidates.

    Attributes:
        candidates: the candidates, best first.
        ranks: the mean rank of each candidate; 1 is best.
        blocks: the kind of blocks, `tests` or `folds`.
        n_blocks: the number of blocks.
    """

    candidates: Sequence[Candidate]
    ranks: Sequence[float]
    blocks: str
    n_blocks: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The measured processor time of a candidate for one utterance, in milliseconds.

    Attributes:
        candidate: the candidate.
        extraction: the extraction of the features.
        model: the answer of the model.
        uar: the mean UAR over the tests.
    """

    candidate: Candidate
    extraction: float
    model: float
    uar: float

    @property
    def total(self) -> float:
        """The sum of both parts."""
        return self.extraction + self.model


def enter(
    candidate: Candidate,
    test: str,
    runs: Sequence[Sequence[FoldResult]],
    dataset: Dataset,
    *,
    n_seeds: int,
    seed: int,
) -> Entry:
    """Summarize one candidate in one test.

    An utterance that some seeds recognize counts as correct in the share of these seeds. So the interval and
    the resampled UAR describe the mean over the seeds.

    Args:
        candidate: the candidate.
        test: the title of the test.
        runs: the results of the folds for each seed of training; one run if the seed changes nothing.
        dataset: the data.
        n_seeds: the number of seeds of training.
        seed: the seed of the bootstrap.
    """
    tested = [join(results) for results in runs]
    speakers = [dataset.utterances[index].speaker for index in tested[0].indices]
    correct = np.mean([one.truth == one.recognized for one in tested], axis=0)
    counts = speaker_counts(tested[0].truth, correct, speakers)
    uars = np.array([[result.uar() for result in results] for results in runs])
    over_folds = mean_and_sd(uars.mean(axis=0).tolist())
    over_seeds = mean_and_sd(uars.mean(axis=1).tolist())
    low, high = interval(resampled_uar(counts, N_RESAMPLES, seed))
    everything = [result for results in runs for result in results]
    cell = Cell(
        model=candidate.model,
        feature_set=candidate.feature_set,
        test=test,
        n_folds=len(runs[0]),
        uar=over_folds.mean,
        uar_sd=over_folds.sd,
        low=low,
        high=high,
        accuracy=mean_and_sd([result.accuracy for result in everything]).mean,
        validation_uar=mean_and_sd([result.validation_uar for result in everything]).mean,
        n_seeds=n_seeds,
        uar_seed_sd=0.0 if n_seeds > len(runs) else over_seeds.sd,
    )
    milliseconds = float(np.mean([result.milliseconds for result in everything]))
    return Entry(cell, uars.mean(axis=0), resample(counts, seed), milliseconds)


def pairs(entries: Sequence[Entry]) -> list[Pair]:
    """Compare every two candidates in each test.

    Returns:
        The pairs, by test, then by p-value, then by difference. All pairs together are one family of
        hypotheses for Holm's method.
    """
    found = []
    for one, other in combinations(entries, 2):
        if one.cell.test == other.cell.test:
            first, second = (one, other) if one.resampled.uar >= other.resampled.uar else (other, one)
            found.append(_pair(first, second))
    corrected = holm([pair.difference.p_value for pair in found])
    tests = list(dict.fromkeys(entry.cell.test for entry in entries))
    return sorted(
        (replace(pair, corrected=p_value) for pair, p_value in zip(found, corrected, strict=True)),
        key=lambda pair: (tests.index(pair.test), pair.difference.p_value, -pair.difference.difference),
    )


def _pair(first: Entry, second: Entry) -> Pair:
    """Compare two candidates in one test, without correction."""
    difference = paired_difference(first.resampled, second.resampled)
    return Pair(
        test=first.cell.test,
        first=first.cell.candidate,
        second=second.cell.candidate,
        n_speakers=first.resampled.n_speakers,
        difference=difference,
        corrected=difference.p_value,
    )


def complete(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of the tests that have all candidates, by test, in the order of the candidates."""
    candidates = list(dict.fromkeys(entry.cell.candidate for entry in entries))
    by_test: dict[str, dict[Candidate, Entry]] = {}
    for entry in entries:
        by_test.setdefault(entry.cell.test, {})[entry.cell.candidate] = entry
    return {
        test: [row[candidate] for candidate in candidates]
        for test, row in by_test.items()
        if len(row) == len(candidates)
    }


def ranks(entries: Sequence[Entry]) -> Ranks:
    """Rank the candidates in each test, or in each fold of few tests. The first test must be complete."""
    tests = complete(entries)
    by_test = len(tests) >= MIN_TESTS
    blocks = [
        np.array([[entry.cell.uar] if by_test else entry.fold_uars for entry in row]).T
        for row in tests.values()
    ]
    scores = np.concatenate(blocks)
    means = mean_ranks(scores)
    candidates = [entry.cell.candidate for entry in next(iter(tests.values()))]
    order = np.argsort(means, kind="stable")
    return Ranks(
        [candidates[place] for place in order],
        [float(means[place]) for place in order],
        "tests" if by_test else "folds",
        len(scores),
    )


def costs(entries: Sequence[Entry], extraction: Mapping[str, float]) -> list[Cost]:
    """Return the cost of each candidate, cheapest first.

    Args:
        entries: the candidates in each test.
        extraction: the measured processor time by feature set, in milliseconds.
    """
    by_candidate: dict[Candidate, list[Entry]] = {}
    for row in complete(entries).values():
        for entry in row:
            by_candidate.setdefault(entry.cell.candidate, []).append(entry)
    return sorted(
        (
            Cost(
                candidate,
                extraction[candidate.feature_set],
                float(np.mean([entry.milliseconds for entry in own])),
                float(np.mean([entry.cell.uar for entry in own])),
            )
            for candidate, own in by_candidate.items()
        ),
        key=lambda cost: cost.total,
    )


def pareto_front(values: Sequence[Cost]) -> list[Cost]:
    """Return the candidates for which no other is as cheap and better, or cheaper and as good.

    Args:
        values: the cost of each candidate, cheapest first.
    """
    front: list[Cost] = []
    for cost in sorted(values, key=lambda one: (one.total, -one.uar)):
        if not front or cost.uar > front[-1].uar:
            front.append(cost)
    return front
