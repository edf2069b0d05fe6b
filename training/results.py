"""All figures of a run, computed in one place: `results.json`, card, manifest and tables repeat them."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from training.adaptation import adaptation_figures
from training.calibration import expected_calibration_error
from training.conditions import TEST_CONDITIONS
from training.cross_validation import Plan, code_sha256
from training.dataset import Dataset
from training.fit import FoldResult
from training.folds import PROTOCOLS
from training.heard_in_calls import HeardCall, share_found, uar_in_calls
from training.models import load_model
from training.scores import bootstrap_interval, spread, uar_by

LIBRARIES = ("keras", "numpy", "onnxruntime", "opensmile", "scikit-learn", "scipy", "tensorflow-cpu")


@dataclass(frozen=True, slots=True)
class Tested:
    """All test parts together, in the order of the folds.

    Attributes:
        truth: label indices, shape (n,).
        raw: probabilities as the models give them, shape (n, n_labels).
        calibrated: the same with the temperature of each fold.
        indices: which utterances, shape (n,).
    """

    truth: NDArray[np.int64]
    raw: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    indices: NDArray[np.intp]

    @property
    def recognized(self) -> NDArray[np.int64]:
        """Label indices, shape (n,)."""
        recognized: NDArray[np.int64] = self.raw.argmax(axis=1)
        return recognized


def join(results: Sequence[FoldResult]) -> Tested:
    """Put the test parts of folds together."""
    return Tested(
        np.concatenate([result.truth for result in results]),
        np.concatenate([result.test_probabilities["clean"] for result in results]),
        np.concatenate([result.calibrated for result in results]),
        np.concatenate([result.fold.test for result in results]),
    )


def figures(
    model: str,
    dataset: Dataset,
    plan: Plan,
    results: Sequence[FoldResult],
    calls: Mapping[str, Sequence[HeardCall]],
    unheard: Sequence[FoldResult] = (),
) -> dict[str, Any]:
    """Compute every figure of a run.

    Args:
        model: its name.
        dataset: that it was trained and tested on.
        plan: how.
        results: of the folds.
        calls: for each sound those of all voices.
        unheard: of folds that each leave a corpus out; none if there is one corpus.

    Returns:
        What `results.json` holds; shares are from 0 to 1.
    """
    tested = join(results)
    utterances = [dataset.utterances[index] for index in tested.indices]
    speakers = [utterance.speaker for utterance in utterances]
    groups = {
        "corpus": [utterance.corpus for utterance in utterances],
        "language": [utterance.language for utterance in utterances],
        "sex": [utterance.sex for utterance in utterances],
    }
    counts = confusion_matrix(tested.truth, tested.recognized, labels=range(len(dataset.labels)))
    recalls = counts.diagonal() / np.maximum(counts.sum(axis=1), 1)
    conditions = [name for name in ("clean", *TEST_CONDITIONS) if name in results[0].test_probabilities]
    return {
        "model": model,
        "refits": load_model(model).refits,
        "feature_set": plan.features.feature_set,
        "protocol": plan.protocol,
        "protocol_summary": PROTOCOLS[plan.protocol].summary,
        "speakers_apart": all(result.fold.speaker_independent for result in results),
        "seed": plan.seed,
        "labels": list(dataset.labels),
        "n_utterances": len(utterances),
        "n_speakers": len(set(speakers)),
        "folds": [_fold_figures(result) for result in results],
        "uar": {
            **spread([result.uar() for result in results]).model_dump(),
            "interval_95": bootstrap_interval(tested.truth, tested.recognized, speakers, plan.seed),
        },
        "accuracy": spread([result.accuracy for result in results]).model_dump(),
        "recall": dict(zip(dataset.labels, recalls.tolist(), strict=True)),
        "confusion_matrix": counts.tolist(),
        "uar_by": {name: uar_by(group, tested.truth, tested.recognized) for name, group in groups.items()},
        "uar_by_condition": {
            name: spread([result.uar(name) for result in results]).model_dump() for name in conditions
        },
        "unheard_corpora": {result.fold.name: _unheard_figures(result) for result in unheard},
        "adaptation": adaptation_figures(dataset, results) if results[0].speaker else {},
        "calls": {sound: _figures_of_calls(results, heard) for sound, heard in calls.items()},
        "calibration_error": {
            "before": expected_calibration_error(tested.raw, tested.truth),
            "after": expected_calibration_error(tested.calibrated, tested.truth),
        },
        "data_sha256": dataset.extracted.sha256,
        "code_sha256": code_sha256(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "training_seconds": round(sum(result.seconds for result in results)),
    }


def to_json(results: dict[str, Any]) -> bytes:
    """The content of `results.json`."""
    return (json.dumps(results, indent=2) + "\n").encode()


def _figures_of_calls(results: Sequence[FoldResult], calls: Sequence[HeardCall]) -> dict[str, Any]:
    """UAR of the segments of calls, adapted and not, and of the same utterances as recorded."""
    by_fold = [uar_in_calls(result, calls) for result in results]
    adapted = [one.adapted for one in by_fold if one.adapted is not None]
    return {
        "n_utterances": sum(len(call.said) for call in calls),
        "found": share_found(calls),
        "uar": spread([one.plain for one in by_fold]).model_dump(),
        "uar_adapted": spread(adapted).model_dump() if adapted else None,
        "uar_one_by_one": spread([one.as_recorded for one in by_fold]).model_dump(),
    }


def _unheard_figures(result: FoldResult) -> dict[str, Any]:
    return {"n_test": len(result.truth), "uar": result.uar(), "accuracy": result.accuracy}


def _fold_figures(result: FoldResult) -> dict[str, Any]:
    return {
        "fold": result.fold.name,
        "n_test": len(result.truth),
        "uar": result.uar(),
        "accuracy": result.accuracy,
        "validation_uar": result.validation_uar,
        "temperature": result.temperature,
        "chosen": dict(result.chosen),
    }
