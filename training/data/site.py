"""The labeled speech of a site, from which a bundle is fine-tuned: selection, counts and minimum amounts."""

import difflib
from collections import Counter
from collections.abc import Sequence

from app.core.manifest import Facts
from training.data.corpora import Utterance
from training.data.labels import mapping_of, target_of
from training.errors import TrainingError

MIN_UTTERANCES = 20
"""The smallest sample of the measured curve (`benchmarks/RESULTS.md`, "Fine-tuning")."""
MIN_SPEAKERS = 3
"""One speaker is held out for the report, and the other two choose the penalty on each other."""
MIN_LABELS = 2
"""With fewer labels, there is nothing to distinguish."""
MIN_OF_LABEL = 5
"""The fewest utterances of a label that occurs. Not tuned."""
MIN_SPEAKERS_OF_LABEL = 2
"""The fewest speakers of a label that occurs, so that the label is not the mark of a speaker."""


def select(utterances: Sequence[Utterance], facts: Facts) -> list[Utterance]:
    """Keep the utterances whose label a bundle has, with the mapping of its training.

    Args:
        utterances: the utterances with their site's own labels.
        facts: the facts of the bundle.

    Returns:
        The utterances with a label of the bundle, in the same order, without labels that the mapping leaves
        out.

    Raises:
        TrainingError: another label is not a label of the bundle; the message has the nearest label.
    """
    mapping = mapping_of(facts)
    kept, unknown = [], Counter[str]()
    for utterance in utterances:
        try:
            target = (
                utterance.emotion
                if mapping is None
                else target_of(utterance.corpus, utterance.emotion, mapping)
            )
        except TrainingError:
            target = utterance.emotion
        if target in facts.labels:
            kept.append(utterance.relabeled(target))
        elif target is not None:
            unknown[utterance.emotion] += 1
    if unknown:
        labels = facts.labels
        named = "; ".join(_describe(label, count, labels) for label, count in sorted(unknown.items()))
        raise TrainingError(
            f"the bundle lacks labels of the corpus: {named}. Its labels are {', '.join(labels)}. Correct "
            "the labels in the corpus, or remove these utterances"
        )
    return kept


def _describe(label: str, count: int, labels: Sequence[str]) -> str:
    """Return an unknown label with its count and the nearest label of the bundle."""
    nearest = difflib.get_close_matches(label, labels, n=1)
    return f"{label!r} ({_many(count, 'utterance')}" + (f"; nearest: {nearest[0]!r})" if nearest else ")")


def check_amount(utterances: Sequence[Utterance]) -> None:
    """Raise if there is too little speech to fine-tune and to measure the result.

    Args:
        utterances: the utterances from `select`.

    Raises:
        TrainingError: the message lists everything that is missing.
    """
    of_label = Counter(one.emotion for one in utterances)
    n_speakers = len({one.speaker for one in utterances})
    missing = []
    if len(utterances) < MIN_UTTERANCES:
        missing.append(f"{_many(len(utterances), 'utterance')}, {MIN_UTTERANCES - len(utterances)} too few")
    if n_speakers < MIN_SPEAKERS:
        missing.append(f"{_many(n_speakers, 'speaker')}, {MIN_SPEAKERS - n_speakers} too few")
    if len(of_label) < MIN_LABELS:
        missing.append(f"{_many(len(of_label), 'label')}, {MIN_LABELS - len(of_label)} too few")
    for label, count in sorted(of_label.items()):
        voices = len({one.speaker for one in utterances if one.emotion == label})
        if count < MIN_OF_LABEL:
            missing.append(f"{_many(count, 'utterance')} with {label}, {MIN_OF_LABEL - count} too few")
        if voices < MIN_SPEAKERS_OF_LABEL:
            missing.append(
                f"{_many(voices, 'speaker')} with {label}, {MIN_SPEAKERS_OF_LABEL - voices} too few"
            )
    if missing:
        raise TrainingError(
            f"too little labeled speech to fine-tune: {'; '.join(missing)}. Needed are {MIN_UTTERANCES} "
            f"utterances of {MIN_SPEAKERS} speakers, and {MIN_OF_LABEL} utterances of "
            f"{MIN_SPEAKERS_OF_LABEL} speakers for each label that occurs. Label more speech, or remove a "
            "label that is too rare"
        )


def table(utterances: Sequence[Utterance], labels: Sequence[str]) -> str:
    """Return the number of utterances by speaker and label as a Markdown table.

    Args:
        utterances: the utterances from `select`.
        labels: the labels of the bundle, which name the columns.
    """
    counts = Counter((one.speaker, one.emotion) for one in utterances)
    speakers = sorted({one.speaker for one in utterances})
    rows = [(name, [counts[name, label] for label in labels]) for name in speakers]
    rows.append(("all", [sum(counts[name, label] for name in speakers) for label in labels]))
    lines = [f"| speaker | {' | '.join(labels)} | all |", "| --- |" + " --- |" * (len(labels) + 1)]
    lines += [f"| {name} | {' | '.join(map(str, row))} | {sum(row)} |" for name, row in rows]
    return "\n".join(lines)


def _many(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
