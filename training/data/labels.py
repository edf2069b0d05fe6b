"""The five emotions of the service, and the mapping of a corpus's own labels to them."""

from collections.abc import Iterable

from training.data.corpora import Utterance
from training.errors import TrainingError

EMOTIONS = ("anger", "surprise", "happiness", "sadness", "neutral")
SAME_AS = {"calm": "neutral"}
SAME_AS_IN = {"iemocap": {"excited": "happiness"}}
"""The labels that count as another one in one corpus only. Work on four emotions of IEMOCAP merges excitement
and happiness (EmoBox, arXiv 2406.07162). JL-Corpus has both, and its authors keep them apart."""

LEFT_OUT = frozenset(
    {
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
    }
)


def label(utterances: Iterable[Utterance], *, own_labels: bool) -> tuple[list[Utterance], tuple[str, ...]]:
    """Select the target classes and relabel the utterances.

    Args:
        utterances: the utterances with their corpus's own labels.
        own_labels: True keeps these labels; False maps them to the five emotions.

    Returns:
        The utterances with a target label, and the labels that occur: the five emotions in the order of
        the service, other labels in alphabetical order.

    Raises:
        TrainingError: a label is unknown, or fewer than two labels occur.
    """
    labeled = list(utterances) if own_labels else to_five_emotions(utterances)
    occurring = {utterance.emotion for utterance in labeled}
    labels = tuple(sorted(occurring) if own_labels else filter(occurring.__contains__, EMOTIONS))
    if not labels:
        raise TrainingError(
            f"none of {', '.join(EMOTIONS)} occurs in this speech: check the labels of the corpus"
        )
    if len(labels) == 1:
        raise TrainingError(
            f"there are no classes to distinguish: the only emotion is {labels[0]}; add "
            "utterances with other labels"
        )
    return labeled, labels


def to_five_emotions(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Keep the utterances of the five emotions.

    Args:
        utterances: the utterances with their corpus's own labels.

    Returns:
        The utterances of the five emotions, in the same order.

    Raises:
        TrainingError: an utterance has an unknown label.
    """
    kept = []
    for utterance in utterances:
        try:
            emotion = five_emotion(utterance.corpus, utterance.emotion)
        except TrainingError as error:
            raise TrainingError(f"{utterance.path}: {error}") from error
        if emotion is not None:
            kept.append(utterance.relabeled(emotion))
    return kept


def five_emotion(corpus: str, own: str) -> str | None:
    """Return the one of the five emotions that a label of a corpus counts as; None if it is left out.

    Raises:
        TrainingError: the label is unknown.
    """
    emotion = (SAME_AS | SAME_AS_IN.get(corpus, {})).get(own, own)
    if emotion in EMOTIONS:
        return emotion
    if emotion in LEFT_OUT:
        return None
    known = ", ".join(sorted({*EMOTIONS, *SAME_AS, *LEFT_OUT}))
    raise TrainingError(f"unknown label {own!r}; known are {known}")
