"""All figures of a run, computed in one place: `results.json`, card, manifest and tables repeat them."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

import app.core
from app.core.manifest import Spread
from training.calibration import expected_calibration_error
from training.conditions import TEST_CONDITIONS
from training.cross_validation import LIBRARIES, Plan
from training.dataset import Dataset
from training.fit import FoldResult
from training.folds import PROTOCOLS
from training.heard_in_calls import HeardCall, share_found, uar_in_calls
from training.scores import bootstrap_interval, uar_by


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
    def recognised(self) -> NDArray[np.int64]:
        """Label indices, shape (n,)."""
        recognised: NDArray[np.int64] = self.raw.argmax(axis=1)
        return recognised


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
) -> dict[str, Any]:
    """Compute every figure of a run.

    Args:
        model: its name.
        dataset: that it was trained and tested on.
        plan: how.
        results: of the folds.
        calls: for each sound those of all voices.

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
    counts = confusion_matrix(tested.truth, tested.recognised, labels=range(len(dataset.labels)))
    recalls = counts.diagonal() / np.maximum(counts.sum(axis=1), 1)
    conditions = [name for name in ("clean", *TEST_CONDITIONS) if name in results[0].test_probabilities]
    return {
        "model": model,
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
            "interval_95": bootstrap_interval(tested.truth, tested.recognised, speakers, plan.seed),
        },
        "accuracy": spread([result.accuracy for result in results]).model_dump(),
        "recall": dict(zip(dataset.labels, recalls.tolist(), strict=True)),
        "confusion_matrix": counts.tolist(),
        "uar_by": {name: uar_by(group, tested.truth, tested.recognised) for name, group in groups.items()},
        "uar_by_condition": {
            name: spread([result.uar(name) for result in results]).model_dump() for name in conditions
        },
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


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation, which one value has none of."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), sd=sd)


def code_sha256() -> str:
    """SHA-256 of the files of `training` and `app.core`."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(app.core.__file__).parent):
        for path in sorted(package.rglob("*")):
            if path.suffix in {".py", ".jinja"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def to_json(results: dict[str, Any]) -> bytes:
    """The content of `results.json`."""
    return (json.dumps(results, indent=2) + "\n").encode()


def _figures_of_calls(results: Sequence[FoldResult], calls: Sequence[HeardCall]) -> dict[str, Any]:
    """UAR of the segments of calls, and of what was said in them as it was recorded."""
    segments, alone = zip(*(uar_in_calls(result, calls) for result in results), strict=True)
    return {
        "n_utterances": sum(len(call.said) for call in calls),
        "found": share_found(calls),
        "uar": spread(segments).model_dump(),
        "uar_one_by_one": spread(alone).model_dump(),
    }


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
