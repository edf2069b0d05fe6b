"""The labels of a model, and the mapping of the corpora's own labels to them.

A mapping is a TOML file. Its order is that of the model's output:

    left_out = ["fear", "disgust"]      # own labels that are not used

    [labels]
    upset = ["anger", "frustration"]
    calm = ["neutral", "calm", "iemocap:excited"]   # the last one is a label of one corpus only
"""

import tomllib
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from pydantic import ValidationError

from app.core.manifest import Facts, LabelMapping
from training.data.corpora import Utterance
from training.errors import TrainingError, with_hint

EMOTIONS = ("anger", "surprise", "happiness", "sadness", "neutral")
FIVE_EMOTIONS = LabelMapping(
    labels={
        "anger": ("anger",),
        "surprise": ("surprise",),
        # Work on four emotions of IEMOCAP merges excitement and happiness (EmoBox, arXiv 2406.07162).
        # JL-Corpus has both, and its authors keep them apart.
        "happiness": ("happiness", "iemocap:excited"),
        "sadness": ("sadness",),
        "neutral": ("neutral", "calm"),
    },
    left_out=(
        "amused",
        "anxious",
        "apologetic",
        "assertive",
        "boredom",
        "concerned",
        "contempt",
        "disgust",
        "encouraging",
        "excited",
        "fear",
        "frustration",
        "other",
        "sleepiness",
    ),
)
"""The mapping to the five emotions of the service, the default."""


def read_mapping(path: Path) -> LabelMapping:
    """Read a mapping from a TOML file.

    Raises:
        TrainingError: the file cannot be read, or is not a mapping.

    Example:
        >>> path = Path("examples/labels.toml")
        >>> read_mapping(path).labels["calm"]
        ('neutral', 'calm', 'boredom', 'happiness')
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read as TOML ({error})") from error
    return _validated(content, f"{path}: ")


def to_mapping(labels: Iterable[tuple[str, tuple[str, ...]]], left_out: tuple[str, ...]) -> LabelMapping:
    """Make a mapping from the options of the command line.

    Args:
        labels: the labels in the order of the model's output, each with the own labels that count as it.
        left_out: the own labels that are not used.

    Raises:
        TrainingError: a label is listed twice, or there are fewer than two.
    """
    return _validated({"labels": dict(labels), "left_out": left_out})


def _validated(content: dict[str, object], where: str = "") -> LabelMapping:
    """Validate the content of a mapping."""
    try:
        return LabelMapping.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"{part}: " for part in (".".join(str(part) for part in first["loc"]),) if part)
        raise TrainingError(f"{where}{place}{first['msg'].removeprefix('Value error, ')}") from error


def mapping_of(facts: Facts) -> LabelMapping | None:
    """Return the mapping of the labels of a bundle; None if it keeps the corpora's own labels.

    Bundles before format 4 do not record it, and those on published folds have none. If such a bundle has
    labels of the five emotions only, other speech is mapped to them.
    """
    if facts.label_mapping is None and set(facts.labels) <= set(EMOTIONS):
        return FIVE_EMOTIONS
    return facts.label_mapping


def label(
    utterances: Iterable[Utterance], mapping: LabelMapping | None
) -> tuple[list[Utterance], tuple[str, ...]]:
    """Select the target classes and relabel the utterances.

    Args:
        utterances: the utterances with their corpus's own labels.
        mapping: the mapping of these labels; None keeps them.

    Returns:
        The utterances with a target label, and the labels that occur: in the order of the mapping, own labels
        in alphabetical order.

    Raises:
        TrainingError: a label is unknown, or fewer than two labels occur.
    """
    labeled = list(utterances) if mapping is None else relabel(utterances, mapping)
    occurring = {utterance.emotion for utterance in labeled}
    labels = tuple(sorted(occurring) if mapping is None else filter(occurring.__contains__, mapping.labels))
    if not labels:
        targets = ", ".join(mapping.labels) if mapping else "any label"
        raise TrainingError(f"none of {targets} occurs in this speech: check the labels of the corpus")
    if len(labels) == 1:
        raise TrainingError(
            f"there are no classes to distinguish: the only label is {labels[0]}; add "
            "utterances with other labels"
        )
    return labeled, labels


def relabel(utterances: Iterable[Utterance], mapping: LabelMapping = FIVE_EMOTIONS) -> list[Utterance]:
    """Replace the own labels by the target labels.

    Args:
        utterances: the utterances with their corpus's own labels.
        mapping: the mapping of these labels.

    Returns:
        The utterances that are not left out, in the same order.

    Raises:
        TrainingError: an utterance has an unknown label.
    """
    kept = []
    for utterance in utterances:
        try:
            target = target_of(utterance.corpus, utterance.emotion, mapping)
        except TrainingError as error:
            raise TrainingError(f"{utterance.path}: {error}") from error
        if target is not None:
            kept.append(utterance.relabeled(target))
    return kept


def label_for(utterances: Sequence[Utterance], facts: Facts) -> list[Utterance]:
    """Keep the utterances whose label a bundle has, with the mapping of its training.

    Args:
        utterances: the utterances with their corpora's own labels.
        facts: the facts of the bundle.

    Raises:
        TrainingError: no utterance has such a label.
    """
    mapping, kept = mapping_of(facts), []
    for utterance in utterances:
        target: str | None = utterance.emotion
        if mapping is not None:
            try:
                target = target_of(utterance.corpus, utterance.emotion, mapping)
            except TrainingError:  # a label that the training did not know
                continue
        if target in facts.labels:
            kept.append(utterance.relabeled(target))
    if not kept:
        raise TrainingError(
            f"no recording has a label of the bundle ({', '.join(facts.labels)}): check the labels of the "
            "corpus"
        )
    return kept


def target_of(corpus: str, own: str, mapping: LabelMapping = FIVE_EMOTIONS) -> str | None:
    """Return the target of a corpus's own label; None if it is left out.

    Raises:
        TrainingError: the label is unknown.

    Example:
        >>> target_of("iemocap", "excited"), target_of("jl", "excited")
        ('happiness', None)
    """
    # A label of one corpus decides before a label of all corpora.
    for name in (f"{corpus}:{own}", own):
        for target, names in mapping.labels.items():
            if name in names:
                return target
        if name in mapping.left_out:
            return None
    known = {*chain.from_iterable(mapping.labels.values()), *mapping.left_out}
    raise TrainingError(
        f"unknown label {with_hint(own, known)}; --labels FILE maps other labels (docs/train.md)"
    )
