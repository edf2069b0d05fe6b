"""`python -m training describe`: a report of the problems and the figures of labeled recordings.

The command trains nothing. It writes one page for people and one JSON file with the same content and the
facts of every recording.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from app.core.files import write_whole
from app.core.manifest import LabelMapping
from training.data.corpora import Utterance
from training.data.corpus_counts import by_corpus, count
from training.data.duplicates import find_copies
from training.data.finding import Data
from training.data.findings import CLIPPED, apart, find_problems, speakers_in_two_parts
from training.data.labels import FIVE_EMOTIONS
from training.data.recording_facts import RecordingFacts, measure
from training.errors import TrainingError
from training.publish.data_report import data_report

PAGE, RESULTS = "report.html", "report.json"
VERSION = 1
"""The version of the JSON. It changes if a field is removed or gets another meaning."""

N_BINS = 24
"""The number of bins of a histogram."""

LEVELS = (-60.0, 0.0)
"""The range of the histogram of levels, in dBov."""

SPREAD = (10, 50, 90)
"""The percentiles of the figures by corpus."""


@dataclass(frozen=True, slots=True)
class Description:
    """The settings of a report.

    Attributes:
        output: the folder of the page and of the JSON file.
        cache: the folder that keeps the facts of recordings.
        speech: run the speech detector.
        mapping: the mapping of the labels to those of a model.
    """

    output: Path
    cache: Path
    speech: bool = False
    mapping: LabelMapping = FIVE_EMOTIONS


def describe(utterances: Sequence[Utterance], description: Description) -> dict[str, Any]:
    """Measure recordings, find their problems, and write the page and the JSON file.

    Args:
        utterances: the utterances with their corpora's own labels.
        description: the settings of the report.

    Returns:
        The content of `report.json`.

    Raises:
        TrainingError: there is no utterance.
    """
    if not utterances:
        raise TrainingError("the corpora have no utterance: check the paths of --corpus")
    paths = [one.path for one in utterances]
    facts = measure(paths, description.cache, speech=description.speech)
    measured = [None if isinstance(one, str) else one for one in facts]
    data = Data(utterances, facts, find_copies(paths, measured, description.cache), description.mapping)
    results = results_of(data)
    write_whole(description.output / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    write_whole(description.output / PAGE, data_report(results).encode())
    return results


def results_of(data: Data) -> dict[str, Any]:
    """Return the content of `report.json`."""
    return {
        "version": VERSION,
        "n_utterances": len(data.utterances),
        "n_speakers": len({one.speaker for one in data.utterances}),
        "seconds": sum(one.duration for one in data.facts if not isinstance(one, str)),
        "findings": [asdict(one) for one in find_problems(data)],
        "copies": _copies(data),
        "counts": count(data.utterances, data.mapping),
        "targets": {
            one.emotion: data.target(one) for one in sorted(data.utterances, key=attrgetter("emotion"))
        },
        "corpora": _corpora(data),
        "histograms": _histograms(data),
        "undecodable": [
            {"path": str(one.path), "corpus": one.corpus, "reason": of}
            for one, of in zip(data.utterances, data.facts, strict=True)
            if isinstance(of, str)
        ],
        "recordings": [
            _recording(one, of)
            for one, of in zip(data.utterances, data.facts, strict=True)
            if not isinstance(of, str)
        ],
    }


def _row(one: Utterance) -> dict[str, Any]:
    """Return what the corpus says of an utterance."""
    return asdict(one) | {"path": str(one.path)}


def _recording(one: Utterance, facts: RecordingFacts) -> dict[str, Any]:
    """Return an utterance with its facts."""
    values = asdict(facts)
    del values["fingerprint"]
    return _row(one) | values


def _copies(data: Data) -> list[dict[str, Any]]:
    """Return the groups of copies, the most dangerous first."""
    danger = ["folds", "speakers", "corpora", "labels"]
    groups = [(one, apart(one, data.utterances)) for one in data.copies]
    groups.sort(key=lambda group: danger.index(group[1][0]) if group[1] else len(danger))
    return [
        {
            "kind": "exact" if one.exact else "near",
            "apart": differs,
            "similarity": round(one.similarity, 3),
            "recordings": [_row(data.utterances[index]) for index in one.members],
        }
        for one, differs in groups
    ]


def _corpora(data: Data) -> dict[str, Any]:
    """Return the figures of each corpus."""
    facts: dict[str, list[RecordingFacts]] = {}
    for one, of in zip(data.utterances, data.facts, strict=True):
        facts.setdefault(one.corpus, []).extend([] if isinstance(of, str) else [of])
    return {
        name: _corpus(part, facts[name], data.mapping) for name, part in by_corpus(data.utterances).items()
    }


def _corpus(
    utterances: Sequence[Utterance], facts: Sequence[RecordingFacts], mapping: LabelMapping
) -> dict[str, Any]:
    """Return the figures of one corpus."""
    counts = count(utterances, mapping)
    return {
        "n_utterances": len(utterances),
        "n_undecodable": len(utterances) - len(facts),
        "n_speakers": len(counts["speaker"]),
        "seconds": sum(one.duration for one in facts),
        **{name: counts[name] for name in ("label", "sex", "language")},
        "test_fold": next(iter(counts["test_fold"].values())),
        "n_speakers_across_folds": len(speakers_in_two_parts(utterances)),
        **{
            name: _numbers([getattr(one, name) for one in facts])
            for name in ("sampling_rate", "n_channels", "codec")
        },
        "n_clipped": sum(one.clipped > CLIPPED for one in facts),
        **{
            name: _spread([getattr(one, name) for one in facts])
            for name in ("duration", "level", "leading", "trailing", "silence", "speech")
        },
    }


def _numbers(values: Sequence[object]) -> dict[str, int]:
    """Count values."""
    return {str(value): values.count(value) for value in sorted(set(values), key=str)}


def _spread(values: Sequence[float | None]) -> list[float] | None:
    """Return the percentiles 10, 50 and 90 of the values that exist; None if there is none."""
    present = [value for value in values if value is not None]
    return [round(float(one), 3) for one in np.percentile(present, SPREAD)] if present else None


def _histograms(data: Data) -> dict[str, Any]:
    """Return the histograms of duration and level of each corpus. Values outside are in the outer bins."""
    measured = [
        (one.corpus, of)
        for one, of in zip(data.utterances, data.facts, strict=True)
        if not isinstance(of, str)
    ]
    longest = float(np.percentile([of.duration for _, of in measured], 99.5)) if measured else 1.0
    limits = {"duration": (0.0, float(np.ceil(max(longest, 1.0)))), "level": LEVELS}
    names = by_corpus(data.utterances)
    return {
        figure: {
            "edges": np.linspace(low, high, N_BINS + 1).tolist(),
            "corpora": {
                name: _histogram(
                    [getattr(of, figure) for corpus, of in measured if corpus == name], low, high
                )
                for name in names
            },
        }
        for figure, (low, high) in limits.items()
    }


def _histogram(values: Sequence[float | None], low: float, high: float) -> list[int]:
    """Count the values in each bin."""
    present = np.clip([value for value in values if value is not None], low, high)
    counts: list[int] = np.histogram(present, N_BINS, (low, high))[0].tolist()
    return counts
