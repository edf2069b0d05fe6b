"""Computation of the figures of a run."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from training.data.conditions import TEST_CONDITIONS
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.folds import PROTOCOLS
from training.evaluation.adaptation import adaptation_figures
from training.evaluation.call_segments import CallSegments, share_found
from training.evaluation.figures import (
    CalibrationError,
    CallFigures,
    Figures,
    FoldFigures,
    Uar,
    UnheardCorpus,
)
from training.evaluation.fold import FoldResult
from training.evaluation.in_calls import uar_in_calls
from training.evaluation.run import RunConfig, code_sha256
from training.learning.abstention import coverage_of
from training.learning.calibration import expected_calibration_error
from training.learning.fairness import Gap, gap_between
from training.learning.scores import MeanAndSd, bootstrap_interval, mean_and_sd, uar_by
from training.models import base_of, load_model

LIBRARIES = ("keras", "numpy", "onnxruntime", "opensmile", "scikit-learn", "scipy", "tensorflow-cpu")
ON_GPU = "torch"
"""The library that is in the versions only if it trained a fold."""


@dataclass(frozen=True, slots=True)
class Tested:
    """All test parts together, in the order of the folds.

    Attributes:
        truth: the true label indices, shape (n,).
        raw: the probabilities from the models, not calibrated, shape (n, n_labels).
        calibrated: the probabilities with the temperature of each fold, shape (n, n_labels).
        indices: the indices of the utterances, shape (n,).
    """

    truth: NDArray[np.int64]
    raw: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    indices: NDArray[np.intp]

    @property
    def recognized(self) -> NDArray[np.int64]:
        """The recognized label indices, shape (n,)."""
        recognized: NDArray[np.int64] = self.raw.argmax(axis=1)
        return recognized


def join(results: Sequence[FoldResult]) -> Tested:
    """Concatenate the test parts of folds."""
    return Tested(
        np.concatenate([result.truth for result in results]),
        np.concatenate([result.test_probabilities["clean"] for result in results]),
        np.concatenate([result.calibrated for result in results]),
        np.concatenate([result.fold.test for result in results]),
    )


def figures(
    model: str,
    dataset: Dataset,
    config: RunConfig,
    results: Sequence[FoldResult],
    calls: Mapping[str, Sequence[CallSegments]],
    unheard: Sequence[FoldResult] = (),
) -> Figures:
    """Compute every figure of a run.

    Args:
        model: the name of the model, or the path of a model file.
        dataset: the data that trained and tested the model.
        config: the settings of the cross-validation.
        results: the results of the folds.
        calls: the calls of all speakers, by kind of call.
        unheard: the results of folds that each leave out one corpus; empty if there is one corpus.
    """
    tested, trained = join(results), load_model(model)
    speakers = [dataset.utterances[index].speaker for index in tested.indices]
    counts = confusion_matrix(tested.truth, tested.recognized, labels=range(len(dataset.labels)))
    recalls = counts.diagonal() / np.maximum(counts.sum(axis=1), 1)
    return Figures(
        model=base_of(model),
        refits=trained.refits,
        fits_weights=trained.fits_weights,
        feature_set=config.features.feature_set,
        protocol=config.protocol,
        protocol_summary=PROTOCOLS[config.protocol].summary,
        speakers_apart=all(result.fold.speaker_independent for result in results),
        seed=config.seed,
        labels=list(dataset.labels),
        n_utterances=len(speakers),
        n_speakers=len(set(speakers)),
        folds=[_fold_figures(result) for result in results],
        uar=_uar(results, tested, speakers, config.seed),
        accuracy=mean_and_sd([result.accuracy for result in results]),
        recall=dict(zip(dataset.labels, recalls.tolist(), strict=True)),
        confusion_matrix=counts.tolist(),
        uar_by=_uar_by_group(dataset, tested),
        fairness=fairness_of(dataset.utterances, tested, config.seed),
        uar_by_condition={name: _uar_over_folds(results, name) for name in _conditions(results)},
        unheard_corpora={
            one.fold.name: UnheardCorpus(len(one.truth), one.uar(), one.accuracy) for one in unheard
        },
        adaptation=adaptation_figures(dataset, results) if results[0].speaker else {},
        calls={sound: _figures_of_calls(results, of_sound) for sound, of_sound in calls.items()},
        calibration_error=CalibrationError(
            before=expected_calibration_error(tested.raw, tested.truth),
            after=expected_calibration_error(tested.calibrated, tested.truth),
        ),
        coverage=coverage_of(tested.calibrated, tested.truth),
        data_sha256=dataset.extracted.sha256,
        code_sha256=code_sha256(),
        versions=_versions(results),
        training_seconds=round(sum(result.seconds for result in results)),
    )


def _versions(results: Sequence[FoldResult]) -> dict[str, str]:
    """Return the versions of Python and of the libraries that determine the figures."""
    with_torch = any(result.trained_with.startswith(ON_GPU) for result in results)
    libraries = (*LIBRARIES, ON_GPU) if with_torch else LIBRARIES
    return {"python": platform.python_version(), **{name: version(name) for name in libraries}}


def _uar(results: Sequence[FoldResult], tested: Tested, speakers: Sequence[str], seed: int) -> Uar:
    """Return the UAR over the folds, and its interval over the speakers of all test parts."""
    over_folds = _uar_over_folds(results, "clean")
    interval = bootstrap_interval(tested.truth, tested.recognized, speakers, seed)
    return Uar(over_folds.mean, over_folds.sd, interval)


def _conditions(results: Sequence[FoldResult]) -> list[str]:
    """Return the conditions of the test parts, `clean` first."""
    return [name for name in ("clean", *TEST_CONDITIONS) if name in results[0].test_probabilities]


def _uar_over_folds(results: Sequence[FoldResult], condition: str) -> MeanAndSd:
    """Return the UAR over the folds under one condition."""
    return mean_and_sd([result.uar(condition) for result in results])


def _uar_by_group(dataset: Dataset, tested: Tested) -> dict[str, dict[str, dict[str, float | int]]]:
    """Return the UAR by corpus, language and sex."""
    utterances = [dataset.utterances[index] for index in tested.indices]
    groups = {
        "corpus": [utterance.corpus for utterance in utterances],
        "language": [utterance.language for utterance in utterances],
        "sex": [utterance.sex for utterance in utterances],
    }
    return {name: uar_by(group, tested.truth, tested.recognized) for name, group in groups.items()}


def fairness_of(utterances: Sequence[Utterance], tested: Tested, seed: int) -> dict[str, Gap]:
    """Return the gap between the sexes and between the languages, where there are several.

    Args:
        utterances: the utterances of the run.
        tested: the answers for the test parts.
        seed: the seed of the bootstrap samples.
    """
    spoken = [utterances[index] for index in tested.indices]
    speakers = [one.speaker for one in spoken]
    kinds = {"sex": [one.sex for one in spoken], "language": [one.language for one in spoken]}
    gaps = {
        kind: gap_between(names, tested.truth, tested.recognized, speakers, seed)
        for kind, names in kinds.items()
    }
    return {kind: gap for kind, gap in gaps.items() if gap is not None}


def _figures_of_calls(results: Sequence[FoldResult], calls: Sequence[CallSegments]) -> CallFigures:
    """Return the UAR of segments without and with adaptation, and of the utterances as recorded."""
    by_fold = [uar_in_calls(result, calls) for result in results]
    adapted = [one.adapted for one in by_fold if one.adapted is not None]
    return CallFigures(
        n_utterances=sum(len(call.said) for call in calls),
        found=share_found(calls),
        uar=mean_and_sd([one.plain for one in by_fold]),
        uar_adapted=mean_and_sd(adapted) if adapted else None,
        uar_one_by_one=mean_and_sd([one.as_recorded for one in by_fold]),
    )


def _fold_figures(result: FoldResult) -> FoldFigures:
    """Return the figures of one fold."""
    return FoldFigures(
        fold=result.fold.name,
        n_test=len(result.truth),
        uar=result.uar(),
        accuracy=result.accuracy,
        validation_uar=result.validation_uar,
        temperature=result.temperature,
        chosen=dict(result.chosen),
    )
