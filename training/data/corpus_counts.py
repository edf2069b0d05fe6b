"""Counts of a corpus: labels, speakers, sexes, languages and published folds."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.core.manifest import LabelMapping
from training.data.corpora import Utterance
from training.data.labels import FIVE_EMOTIONS, target_of
from training.errors import TrainingError

UNKNOWN = "unknown"
"""The name of a missing sex or language."""

LEFT, NOT_KNOWN = "left out", "unknown label"
"""The names of labels without a target: those that a mapping leaves out, and those that it lacks."""

ALWAYS_TRAINING = "none"
"""The name of the rows without a published fold, which always train."""


def target_name(utterance: Utterance, mapping: LabelMapping = FIVE_EMOTIONS) -> str:
    """Return the label of the model that the label of an utterance maps to, or why it has none.

    Args:
        utterance: the utterance with its corpus's own label.
        mapping: the mapping of these labels.

    Example:
        >>> from pathlib import Path
        >>> own = ("anger", "calm", "fear", "irony")
        >>> [target_name(Utterance(Path("a.wav"), "ours", label, "speaker")) for label in own]
        ['anger', 'neutral', 'left out', 'unknown label']
    """
    try:
        return target_of(utterance.corpus, utterance.emotion, mapping) or LEFT
    except TrainingError:
        return NOT_KNOWN


def count(utterances: Sequence[Utterance], mapping: LabelMapping) -> dict[str, Any]:
    """Count utterances.

    Args:
        utterances: the utterances with their corpora's own labels.
        mapping: the mapping of these labels, for `target`.

    Returns:
        The number of utterances by `label`, `target`, `corpus`, `speaker`, `sex` and `language`, the most
        frequent first. For each corpus, the number by `test_fold`, and by speaker and label as
        `speaker_labels`. For each label, the number by corpus as `label_corpora`.
    """
    return {
        "label": _by(utterances, lambda one: one.emotion),
        "target": _by(utterances, lambda one: target_name(one, mapping)),
        "corpus": _by(utterances, lambda one: one.corpus),
        "speaker": _by(utterances, lambda one: one.speaker),
        "sex": _by(utterances, lambda one: one.sex or UNKNOWN),
        "language": _by(utterances, lambda one: one.language or UNKNOWN),
        "test_fold": {name: _folds(part) for name, part in by_corpus(utterances).items()},
        "label_corpora": {
            label: _by(part, lambda one: one.corpus)
            for label, part in sorted(_grouped(utterances, lambda one: one.emotion).items())
        },
        "speaker_labels": {
            name: {
                speaker: _by(part_of, lambda one: one.emotion)
                for speaker, part_of in sorted(_grouped(part, lambda one: one.speaker).items())
            }
            for name, part in by_corpus(utterances).items()
        },
    }


def by_corpus(utterances: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """Return the utterances of each corpus, in the order in which the corpora occur."""
    return _grouped(utterances, lambda one: one.corpus)


def _grouped(utterances: Iterable[Utterance], key: Callable[[Utterance], str]) -> dict[str, list[Utterance]]:
    """Group utterances by a key, in the order in which its values occur."""
    groups: dict[str, list[Utterance]] = {}
    for one in utterances:
        groups.setdefault(key(one), []).append(one)
    return groups


def _by(utterances: Iterable[Utterance], key: Callable[[Utterance], str]) -> dict[str, int]:
    """Count utterances by a key, the most frequent value first."""
    return dict(sorted(Counter(map(key, utterances)).items(), key=lambda item: (-item[1], item[0])))


def _folds(utterances: Sequence[Utterance]) -> dict[str, int]:
    """Count the utterances of each published fold, and of none."""
    numbers = Counter(one.test_fold or 0 for one in utterances)
    return {str(number) if number else ALWAYS_TRAINING: numbers[number] for number in sorted(numbers)}
