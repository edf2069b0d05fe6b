"""`python -m training evaluate`: score a bundle on labeled recordings with the code of the service.

`app.core` decodes, resamples and recognizes every recording exactly as in the service, with the bundle's
network in ONNX Runtime and without padding. The command trains nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix

from app.core.audio import decode, select_channel
from app.core.bundle import read_bundle
from app.core.errors import AudioError
from app.core.files import write_whole
from app.core.recognizer import EmotionRecognizer
from app.core.speaker import SpeakerScores, adapt
from training.data.conditions import CONDITIONS
from training.data.corpora import Utterance
from training.data.labels import label_for
from training.errors import TrainingError, undecodable
from training.evaluation.simulated_calls import NOTHING, segments_of_call, voices_of
from training.learning.abstention import coverage_of
from training.learning.calibration import expected_calibration_error
from training.learning.scores import bootstrap_interval, uar, uar_by
from training.processes import run
from training.publish import plots
from training.publish.templates import render

RESULTS, REPORT, PICTURE = "evaluation.json", "evaluation.md", "confusion_matrix.png"
SEED = 1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The settings of an evaluation.

    Attributes:
        bundle: the folder of the bundle.
        output: the folder of the results.
        conditions: the conditions to apply to the recordings, names in `CONDITIONS`.
        calls: the kinds of simulated calls, names in `SOUNDS`.
    """

    bundle: Path
    output: Path
    conditions: tuple[str, ...] = ("clean", "telephone", "noise-10")
    calls: tuple[str, ...] = ("telephone", "noise")


def evaluate(
    utterances: Sequence[Utterance], evaluation: Evaluation, *, skip_undecodable: bool = False
) -> dict[str, Any]:
    """Score a bundle and write JSON, Markdown and a picture.

    Args:
        utterances: the utterances with their corpora's own labels. Utterances with a label that the bundle
            does not have are counted and left out.
        evaluation: the settings of the evaluation.
        skip_undecodable: skip recordings that cannot be analyzed.

    Returns:
        The content of `evaluation.json`.

    Raises:
        TrainingError: no recording has a label of the bundle, or a recording cannot be analyzed.
        BundleError: the bundle is damaged.
    """
    manifest = read_bundle(evaluation.bundle).manifest
    kept = label_for(utterances, manifest)
    rows: dict[str, list[_Answer | str]] = {}
    for condition in evaluation.conditions:
        jobs = ((evaluation.bundle, one, condition) for one in kept)
        rows[condition] = run(_recognize, jobs, len(kept), condition)
    failed = {
        place: row for of_one in rows.values() for place, row in enumerate(of_one) if isinstance(row, str)
    }
    if failed and not skip_undecodable:
        raise undecodable(((kept[place].path, reason) for place, reason in failed.items()), len(kept))
    used = [place for place in range(len(kept)) if place not in failed]
    if not used:
        raise TrainingError("no recording can be analyzed; check the recordings of the corpus")
    scored = [kept[place] for place in used]
    results: dict[str, Any] = {
        "bundle": manifest.name,
        "model_sha256": manifest.files["model.onnx"],
        "labels": list(manifest.labels),
        "n_utterances": len(scored),
        "n_speakers": len({one.speaker for one in scored}),
        "n_other_labels": len(utterances) - len(kept),
        "n_undecodable": len(failed),
        "conditions": {
            condition: _figures([of_one[place] for place in used], scored, manifest.labels)
            for condition, of_one in rows.items()
        },
        "calls": {sound: _figures_of_calls(scored, evaluation.bundle, sound) for sound in evaluation.calls},
    }
    _write(results, evaluation.output)
    return results


@dataclass(frozen=True, slots=True)
class _Answer:
    """The probabilities of one utterance, and the result of the speech detection."""

    probabilities: tuple[float, ...]
    speech: bool


def _recognize(bundle: Path, utterance: Utterance, condition: str) -> _Answer | str:
    """Recognize one utterance. Return the reason if it cannot be analyzed."""
    data = utterance.path.read_bytes()
    # The recording seeds the generator, so that a recording always gets the same noise.
    random = np.random.default_rng([len(data), int.from_bytes(data[-8:]), *condition.encode()])
    recognizer = _recognizer(bundle)
    try:
        signal = CONDITIONS[condition](select_channel(decode(data), "mix"), random)
        speech = recognizer.recognize(signal).speech
        recognition = recognizer.recognize_speech(signal)
    except AudioError as error:
        return str(error)
    assert recognition.probabilities is not None
    return _Answer(tuple(recognition.probabilities.values()), speech)


@cache
def _recognizer(bundle: Path) -> EmotionRecognizer:
    """Return the recognizer of a bundle, which each process creates once."""
    return EmotionRecognizer(read_bundle(bundle))


def _figures(
    answers: Sequence[Any], utterances: Sequence[Utterance], labels: Sequence[str]
) -> dict[str, Any]:
    """Return the figures of one condition."""
    probabilities = np.array([answer.probabilities for answer in answers])
    truth, recognized = _indices(utterances, labels), probabilities.argmax(axis=1)
    counts = confusion_matrix(truth, recognized, labels=range(len(labels)))
    groups = {name: [getattr(one, name) for one in utterances] for name in ("corpus", "language", "sex")}
    return {
        "uar": uar(truth, recognized),
        "uar_interval_95": bootstrap_interval(truth, recognized, [one.speaker for one in utterances], SEED),
        "accuracy": float(accuracy_score(truth, recognized)),
        "recall": {
            label: float(counts[index, index] / counts[index].sum())
            for index, label in enumerate(labels)
            if counts[index].sum()
        },
        "calibration_error": expected_calibration_error(probabilities, truth),
        "coverage": [asdict(one) for one in coverage_of(probabilities, truth)],
        "speech_detected": float(np.mean([answer.speech for answer in answers])),
        "confusion_matrix": counts.tolist(),
        "uar_by": {name: uar_by(group, truth, recognized) for name, group in groups.items()},
    }


def _figures_of_calls(utterances: Sequence[Utterance], bundle: Path, sound: str) -> dict[str, Any]:
    """Return the UAR of the segments of simulated calls, with and without adaptation to the speaker."""
    labels = read_bundle(bundle).manifest.labels
    voices = voices_of(utterances)
    jobs = ((bundle, [utterances[index] for index in voice], sound) for voice in voices)
    calls = run(_recognize_call, jobs, len(voices), f"calls, {sound}")
    truth_of = _indices(utterances, labels)
    truth, plain, adapted, n_found = [], [], [], 0
    for voice, (places, probabilities, of_speaker) in zip(voices, calls, strict=True):
        counted = [number for number, place in enumerate(places) if place != NOTHING]
        n_found += len({places[number] for number in counted})
        truth += [truth_of[voice[places[number]]] for number in counted]
        plain += [probabilities[number] for number in counted]
        adapted += [of_speaker[number] for number in counted] if of_speaker else []
    if not truth:
        return {"found": 0.0}
    expected = np.array(truth)
    return {
        "n_utterances": sum(map(len, voices)),
        "found": n_found / sum(map(len, voices)),
        "uar": uar(expected, np.array(plain).argmax(axis=1)),
        "uar_adapted": uar(expected, np.array(adapted).argmax(axis=1)) if adapted else None,
    }


def _recognize_call(
    bundle: Path, voice: Sequence[Utterance], sound: str
) -> tuple[list[int], list[list[float]], list[list[float]]]:
    """Build the call of one speaker and recognize its segments.

    Returns:
        The position in `voice` of the utterance in each segment, or `NOTHING`; the probabilities of each
        segment; and the probabilities with adaptation to the speaker, empty if the bundle does not adapt.
    """
    recognizer = _recognizer(bundle)
    segments, places = segments_of_call([one.path.read_bytes() for one in voice], sound)
    recognitions = [recognizer.recognize_speech(segment) for segment in segments]
    scores = [one.scores for one in recognitions if isinstance(one.scores, SpeakerScores)]
    probabilities = [list((one.probabilities or {}).values()) for one in recognitions]
    return places, probabilities, adapt(scores).tolist() if scores else []


def _indices(utterances: Sequence[Utterance], labels: Sequence[str]) -> NDArray[np.int64]:
    """Return the label index of each utterance."""
    return np.array([labels.index(one.emotion) for one in utterances])


def _write(results: dict[str, Any], output: Path) -> None:
    """Write JSON, Markdown and the confusion matrix of the first condition."""
    first = next(iter(results["conditions"].values()))
    title = f"{results['bundle']}: share of each true label, and count"
    counts = np.array(first["confusion_matrix"])
    report = render("evaluation.md.jinja", **results)
    write_whole(output / PICTURE, plots.confusion_matrix(counts, results["labels"], title))
    write_whole(output / REPORT, report.encode())
    write_whole(output / RESULTS, (json.dumps(results, indent=2) + "\n").encode())
