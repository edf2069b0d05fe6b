"""The five emotions of the service, and where a corpus's own labels go."""

from collections.abc import Iterable
from dataclasses import replace

from training.corpora import Utterance
from training.errors import TrainingError

EMOTIONS = ("anger", "surprise", "happiness", "sadness", "neutral")
SAME_AS = {"calm": "neutral"}
LEFT_OUT = frozenset({"fear", "disgust", "boredom"})


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
            kept.append(replace(utterance, emotion=emotion))
        elif emotion not in LEFT_OUT:
            known = ", ".join(sorted({*EMOTIONS, *SAME_AS, *LEFT_OUT}))
            raise TrainingError(f"{utterance.path}: unknown label {emotion!r}; known are {known}")
    return kept
