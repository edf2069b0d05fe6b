"""`python -m training redraw`: write the model card and the pictures of a bundle again.

The command needs the kept run, whose folds contain the probabilities of the test parts. It trains nothing. It
keeps the network, the scaler and the figures of the run, and adds figures that older runs did not compute.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from sklearn.metrics import confusion_matrix

from app.core.bundle import MODEL, read_bundle, write_bundle
from app.core.manifest import Facts
from training.data.corpora import Utterance
from training.data.folds import make_folds
from training.data.labels import label, mapping_of
from training.errors import TrainingError
from training.evaluation.cross_validation import calibrated
from training.evaluation.figures import Figures
from training.evaluation.fold import FoldResult, read_fold
from training.evaluation.results import fairness_of, join
from training.learning.abstention import coverage_of
from training.models import load_model
from training.publish.artifacts import RESULTS, artifacts

FIGURES: TypeAdapter[Figures] = TypeAdapter(Figures)


def redraw(bundle: Path, utterances: Sequence[Utterance], run: Path, *, dry_run: bool = False) -> None:
    """Write the artifacts of a bundle again.

    Args:
        bundle: the folder of the bundle.
        utterances: the utterances that trained the bundle, in the same order of corpora.
        run: the folder of the run, with a folder for each fold.
        dry_run: check the bundle, the run and the utterances, and write nothing.

    Raises:
        TrainingError: the run or the utterances are not those of the bundle.
        BundleError: the bundle is damaged.
        OSError: a fold is incomplete.
    """
    source = read_bundle(bundle)
    facts = Facts(**source.manifest.model_dump(exclude={"files"}))
    results, used = _read_run(facts, utterances, run)
    tested = join(results)
    figures = read_figures(bundle / RESULTS)
    counts = confusion_matrix(tested.truth, tested.recognized, labels=range(len(facts.labels)))
    if counts.tolist() != figures.confusion_matrix:
        raise TrainingError(
            f"{run}: not the run of {bundle}: its answers differ. Give the run and the corpora of the "
            "bundle, in the same order"
        )
    if dry_run:
        print(f"{run} is the run of {bundle}: its card, results and pictures would be written again.")
        return
    figures = replace(
        figures,
        coverage=coverage_of(tested.calibrated, tested.truth),
        fairness=fairness_of(used, tested, figures.seed),
    )
    write_bundle(
        bundle,
        facts,
        source.scaler,
        (bundle / MODEL).read_bytes(),
        artifacts(facts, used, figures, results),
        overwrite=True,
    )
    print(f"wrote {bundle}: {read_bundle(bundle).manifest.version}", flush=True)


def read_figures(path: Path) -> Figures:
    """Read the figures of a run, and complete those of an older run.

    Args:
        path: the file `results.json` of a bundle.

    Returns:
        The figures. If the run did not store whether it fitted the fusion weights, the model of its name
        answers. `coverage` and `fairness` are empty if the run did not compute them.
    """
    figures = json.loads(path.read_bytes())
    added = {"coverage": [], "fairness": {}, "fits_weights": load_model(figures["model"]).fits_weights}
    return FIGURES.validate_python(added | figures)


def _read_run(
    facts: Facts, utterances: Sequence[Utterance], run: Path
) -> tuple[list[FoldResult], Sequence[Utterance]]:
    """Read the results of all folds, and return them with the utterances of the target classes."""
    protocol = facts.protocol
    labeled, labels = label(utterances, mapping_of(facts))
    if tuple(labels) != facts.labels:
        raise TrainingError(f"the corpora have the labels {', '.join(labels)}, not those of the bundle")
    folds = make_folds(labeled, protocol.name, protocol.n_folds, protocol.seed)
    targets = np.array([labels.index(one.emotion) for one in labeled])
    results = [read_fold(targets, fold, run / f"fold-{fold.name}") for fold in folds]
    if any(len(one.truth) != len(one.test_probabilities["clean"]) for one in results):
        raise TrainingError(f"{run}: the folds have other utterances than the corpora")
    return (calibrated(results) if len(results) > 1 else results), labeled
