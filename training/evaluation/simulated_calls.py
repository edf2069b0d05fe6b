"""Segmentation of simulated calls by the code of the service."""

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from app.core.audio import Signal, decode, select_channel
from app.core.segments import FRAME, Span, find_segments
from app.core.speech import SpeechDetector
from app.core.stretches import detect_recording
from training.data.call_builder import SOUNDS, Turn, build_call
from training.data.corpora import Utterance

N_UTTERANCES = 20
"""The maximum number of utterances in the call of a speaker. Not tuned."""

NOTHING = -1
"""The place of a segment that contains no utterance."""


def voices_of(utterances: Sequence[Utterance]) -> list[list[int]]:
    """Draw the utterances of each speaker's call with a fixed seed.

    Returns:
        The indices of the utterances, a list for each speaker.
    """
    by_speaker: dict[str, list[int]] = {}
    for index, utterance in enumerate(utterances):
        by_speaker.setdefault(utterance.speaker, []).append(index)
    random = np.random.default_rng(1)
    return [random.permutation(indices)[:N_UTTERANCES].tolist() for indices in by_speaker.values()]


def segments_of_call(recordings: Sequence[bytes], sound: str) -> tuple[list[Signal], list[int]]:
    """Build a call of one speaker and cut it into segments as in the service.

    Args:
        recordings: the content of the recordings' files. Their hash seeds all random values.
        sound: the kind of call, a name in `SOUNDS`.

    Returns:
        The signal of each segment with its context, at 8 kHz, and the position of the recording in the
        segment, or `NOTHING`.
    """
    digest = hashlib.sha256(b"".join(recordings)).hexdigest()
    random = np.random.default_rng([int(digest[:16], 16), *sound.encode()])
    signals = [(place, select_channel(decode(data), "mix")) for place, data in enumerate(recordings)]
    call = build_call([signals], random, **SOUNDS[sound])
    segments = find_segments(detect_recording(_detector(), call.signal))
    rate, samples = call.signal.sampling_rate, call.signal.samples
    cut = [
        Signal(samples[:, round(start * FRAME * rate) : round(end * FRAME * rate)].copy(), rate)
        for start, end in ((segment.context.start, segment.context.end) for segment in segments)
    ]
    return cut, [_said_in(segment.span, call.turns) for segment in segments]


def _said_in(segment: Span, turns: Sequence[Turn]) -> int:
    """Return the position of the utterance that fills at least half of a segment, or `NOTHING`."""
    shared, place = max(
        (min(segment.end * FRAME, turn.end) - max(segment.start * FRAME, turn.start), turn.utterance)
        for turn in turns
    )
    return place if 2 * shared >= segment.seconds else NOTHING


@cache
def _detector() -> SpeechDetector:
    """Return the detector, which each process creates once."""
    return SpeechDetector()
