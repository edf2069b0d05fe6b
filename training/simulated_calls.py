"""Simulated calls as the service hears them: speech is detected and cut into segments."""

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, decode, select_channel
from app.core.segments import FRAME, Span, find_segments, runs, with_context
from app.core.speech import SpeechDetector
from app.core.stretches import join, stretches
from training.calls import SOUNDS, Turn, build_call
from training.corpora import Utterance

N_UTTERANCES = 20
"""The most utterances of a voice that its call is built of."""

NOTHING = -1
"""The place of a segment that holds no utterance."""


def voices_of(utterances: Sequence[Utterance]) -> list[list[int]]:
    """Draw utterances of each voice, by one seed.

    Returns:
        Their indices, a list for each voice.
    """
    by_speaker: dict[str, list[int]] = {}
    for index, utterance in enumerate(utterances):
        by_speaker.setdefault(utterance.speaker, []).append(index)
    random = np.random.default_rng(1)
    return [random.permutation(indices)[:N_UTTERANCES].tolist() for indices in by_speaker.values()]


def segments_of_call(recordings: Sequence[bytes], sound: str) -> tuple[list[Signal], list[int]]:
    """Build a call of one voice and cut it as the service does.

    Args:
        recordings: of the utterances, as files. Their own hash seeds all that is random.
        sound: a name in `SOUNDS`.

    Returns:
        The signal of each segment with its context, at 8 kHz; and the place of the recording that
        fills it, or `NOTHING`.
    """
    digest = hashlib.sha256(b"".join(recordings)).hexdigest()
    random = np.random.default_rng([int(digest[:16], 16), *sound.encode()])
    signals = [(place, select_channel(decode(data), "mix")) for place, data in enumerate(recordings)]
    call = build_call([signals], random, **SOUNDS[sound])
    segments = find_segments(detect(call.signal, _detector()))
    around = with_context(segments, call.signal.duration)
    rate, samples = call.signal.sampling_rate, call.signal.samples
    cut = [
        Signal(samples[:, round(start * rate) : round(end * rate)].copy(), rate)
        for start, end in (around[segment] for segment in segments)
    ]
    return cut, [_said_in(segment, call.turns) for segment in segments]


def detect(signal: Signal, detector: SpeechDetector) -> NDArray[np.bool_]:
    """Where there is speech in a call of one channel, as the service looks for it."""
    found = []
    for stretch in stretches(signal.duration):
        samples = signal.samples[:, stretch.samples(signal.sampling_rate)]
        found.append(runs(detector.detect(Signal(samples, signal.sampling_rate))))
    return join(found, signal.duration)


def _said_in(segment: Span, turns: Sequence[Turn]) -> int:
    """The utterance that fills most of a segment, and at least half of it; its place among the voice's."""
    shared, place = max(
        (min(segment.end * FRAME, turn.end) - max(segment.start * FRAME, turn.start), turn.utterance)
        for turn in turns
    )
    return place if 2 * shared >= segment.seconds else NOTHING


@cache
def _detector() -> SpeechDetector:
    """One for each process."""
    return SpeechDetector()
