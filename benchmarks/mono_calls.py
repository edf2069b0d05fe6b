"""Mono calls of two voices of one corpus, by telephone with noise at 15 dB.

A speaker says one to three utterances, then the other one. The pauses last 0.1 to 1.5 s.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, decode
from app.core.segments import FRAME
from training.data.call_builder import build_call
from training.data.corpora.utterance import Utterance

SECONDS = 130.0
PAUSE = (0.1, 1.5)

TRAINING_VOICES = frozenset(f"ravdess-{number:02}" for number in range(1, 13))
"""The voices that trained the encoder of voices, beside all of TurEV-DB and URDU."""

VALIDATION_VOICES = frozenset(
    ["emodb-03", "emodb-08", "emodb-09", "emodb-10", *(f"ravdess-{number}" for number in range(13, 19))]
)
"""The voices whose calls chose the constants of the separation."""


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance in a call.

    Attributes:
        start: the first frame of 10 ms.
        end: the first frame after it.
        speaker: 0 or 1.
        emotion: the label.
    """

    start: int
    end: int
    speaker: int
    emotion: str


@dataclass(frozen=True, slots=True)
class Mix:
    """A mono call of two voices.

    Attributes:
        same_sex: whether the voices have the same sex.
        signal: the call at 8 kHz, shape (1, n_samples).
        speech: the presence of speech in each frame of 10 ms, bool, shape (n_frames,).
        said: the utterances, in order of time.
    """

    same_sex: bool
    signal: Signal
    speech: NDArray[np.bool_]
    said: tuple[Said, ...]

    @property
    def speakers(self) -> NDArray[np.int8]:
        """The speaker of each frame: 0, 1, or −1 without speech; shape (n_frames,)."""
        speakers = np.full(len(self.speech), -1, np.int8)
        for one in self.said:
            speakers[one.start : one.end] = np.where(self.speech[one.start : one.end], one.speaker, -1)
        return speakers


def select_voices(utterances: Iterable[Utterance], *, validation: bool = False) -> list[Utterance]:
    """Select the utterances of the voices of the test, or of the validation. Their sex is known."""
    return [
        one
        for one in utterances
        if one.sex and one.speaker not in TRAINING_VOICES and (one.speaker in VALIDATION_VOICES) == validation
    ]


def mixes(utterances: Sequence[Utterance], n_calls: int, seed: int, *, same_sex: bool) -> Iterator[Mix]:
    """Build calls of different pairs of voices."""
    of_speaker: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        of_speaker.setdefault(utterance.speaker, []).append(utterance)
    pairs = [
        pair
        for pair in itertools.combinations(sorted(of_speaker), 2)
        if (of_speaker[pair[0]][0].sex == of_speaker[pair[1]][0].sex) == same_sex
    ]
    random = np.random.default_rng(seed)
    for index in random.permutation(len(pairs))[:n_calls]:
        yield _mix([of_speaker[speaker] for speaker in pairs[index]], random, same_sex=same_sex)


def _mix(voices: Sequence[Sequence[Utterance]], random: np.random.Generator, *, same_sex: bool) -> Mix:
    """Build one call."""
    left = [[voice[index] for index in random.permutation(len(voice))] for voice in voices]
    spoken: list[tuple[int, str, Signal]] = []
    speaker, seconds = 0, 0.0
    while seconds < SECONDS and all(left):
        for _ in range(min(int(random.integers(1, 4)), len(left[speaker]))):
            utterance = left[speaker].pop()
            signal = decode(utterance.path.read_bytes())
            spoken.append((speaker, utterance.emotion, signal))
            seconds += signal.duration + sum(PAUSE) / 2
        speaker = 1 - speaker
    numbered = [(index, signal) for index, (_, _, signal) in enumerate(spoken)]
    call = build_call([numbered], random, pause=PAUSE)
    said = tuple(
        Said(round(turn.start / FRAME), round(turn.end / FRAME), *spoken[turn.utterance][:2])
        for turn in call.turns
    )
    return Mix(same_sex, call.signal, call.speech[0], said)
