"""The effect of `python -m training finetune` by the number of labeled utterances.

    python -m benchmarks.finetuning --bundle models/three-corpora --corpus ravdess/utterances.csv

The bundle must not have been trained on the corpus. Each draw puts a random half of the speakers into the
test part. From the other speakers, it draws utterances at random, as a site would label them, and fine-tunes
the bundle as the command does: with the penalty from cross-validation over the drawn speakers. It does not
refuse a draw with too few utterances of a label. A larger sample of a draw contains the smaller ones.

The output is a Markdown table, with mean and standard deviation over the draws. The last columns are the
share of the draws that keep the original, and of those whose UAR is higher than that of the original.

The program recognizes every recording once, and keeps the scores in `.cache/features`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.bundle import read_bundle
from app.core.speaker import softmax
from training.data.corpora import csv_file
from training.data.site import select
from training.evaluation.bundle_scores import score
from training.learning.calibration import expected_calibration_error
from training.learning.correction import Correction, Labels, SiteScores, choose_penalty, fit
from training.learning.scores import uar

SIZES = (20, 50, 100, 200, 500)
N_DRAWS = 20
CACHE = Path(".cache/features")


def main() -> None:
    """Measure, and print one table for each view of the utterances."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a bundle")
    parser.add_argument("--corpus", type=Path, required=True, help="utterances.csv of a corpus")
    parser.add_argument("--draws", type=int, default=N_DRAWS, help="number of draws; default: %(default)s")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of scores; default: %(default)s")
    options = parser.parse_args()
    manifest = read_bundle(options.bundle).manifest
    labels, known = manifest.labels, select(csv_file.read(options.corpus), manifest)
    utterances, scores = score(known, options.bundle, options.cache)
    targets = np.array([labels.index(one.emotion) for one in utterances])
    rows = [row for seed in range(options.draws) for row in _draw(scores, targets, seed)]
    for view in scores.views():
        print(f"\n{view}, {options.draws} draws\n")
        print("| utterances | UAR | difference | calibration error | original kept | draws with a gain |")
        print("| --- | --- | --- | --- | --- | --- |")
        sizes = sorted({size for name, size, *_ in rows if name == view})
        for size in sizes:
            figures = np.array([one for name, n, *one in rows if (name, n) == (view, size)])
            print(_row(size, figures))


def _draw(
    scores: SiteScores, targets: Labels, seed: int
) -> Iterator[tuple[str, int, float, float, float, bool]]:
    """Yield view, size, UAR, difference, calibration error and whether the original was kept."""
    random = np.random.default_rng(seed)
    speakers = random.permutation(np.unique(scores.speakers))
    in_test = np.isin(scores.speakers, speakers[: len(speakers) // 2])
    test, rest = np.flatnonzero(in_test), random.permutation(np.flatnonzero(~in_test))
    n_labels = scores.logits.shape[1]
    nothing = Correction(np.zeros((n_labels, n_labels)), np.zeros(n_labels), np.zeros(n_labels))
    before: dict[str, float] = {}
    for size in (0, *(size for size in SIZES if size <= len(rest))):
        correction, kept = nothing, True
        if size:
            site = scores.part(rest[:size])
            penalty = choose_penalty(site, targets[rest[:size]])
            correction, kept = fit(site, targets[rest[:size]], penalty), np.isinf(penalty)
        for name, view in scores.part(test).views().items():
            probabilities = softmax(correction.logits(*view))
            value = uar(targets[test], probabilities.argmax(axis=1))
            before.setdefault(name, value)
            error = expected_calibration_error(probabilities, targets[test])
            yield name, size, value, value - before[name], error, kept


def _row(size: int, figures: NDArray[np.float64]) -> str:
    """Return a row of the table: mean and standard deviation in percent or points."""
    score_, difference, error, kept = figures.T
    cells = [f"{100 * one.mean():.1f} ± {100 * one.std(ddof=1):.1f}" for one in (score_, difference, error)]
    if not size:
        return f"| the original | {cells[0]} | | {cells[2]} | | |"
    return f"| {size} | {' | '.join(cells)} | {kept.mean():.0%} | {(difference > 0).mean():.0%} |"


if __name__ == "__main__":
    main()
