"""The five emotions of the service, and where a corpus's own labels go."""

from collections.abc import Iterable

from training.corpora import Utterance
from training.errors import TrainingError

EMOTIONS = ("anger", "surprise", "happiness", "sadness", "neutral")
SAME_AS = {"calm": "neutral"}
LEFT_OUT = frozenset({"fear", "disgust", "boredom"})


def label(utterances: Iterable[Utterance], *, own_labels: bool) -> tuple[list[Utterance], tuple[str, ...]]:
    """Say what is told apart.

    Args:
        utterances: with their corpus's own labels.
        own_labels: keep these; otherwise the five emotions are told apart.

    Returns:
        The utterances that have such a label, and the labels that occur: the five emotions in the
        service's order, others by alphabet.

    Raises:
        TrainingError: a label is unknown, or there is only one.
    """
    labelled = list(utterances) if own_labels else to_five_emotions(utterances)
    occurring = {utterance.emotion for utterance in labelled}
    labels = tuple(sorted(occurring) if own_labels else filter(occurring.__contains__, EMOTIONS))
    if not labels:
        raise TrainingError(f"none of {', '.join(EMOTIONS)} is in this speech")
    if len(labels) == 1:
        raise TrainingError(f"there is nothing to tell apart: the only emotion is {labels[0]}")
    return labelled, labels


def to_five_emotions(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Keep the utterances of the five emotions, calm counting as neutral.

    Args:
        utterances: with their corpus's own labels.

    Returns:
        Those of the five emotions, in the same order. Fear, disgust and boredom are left out.

    Raises:
        TrainingError: a label that is none of these.
    """
    kept = []
    for utterance in utterances:
        emotion = SAME_AS.get(utterance.emotion, utterance.emotion)
        if emotion in EMOTIONS:
            kept.append(utterance.relabeled(emotion))
        elif emotion not in LEFT_OUT:
            known = ", ".join(sorted({*EMOTIONS, *SAME_AS, *LEFT_OUT}))
            raise TrainingError(f"{utterance.path}: unknown label {emotion!r}; known are {known}")
    return kept
