"""The separation of speakers: voices, changes of speaker, and groups."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.diarization import assign_speakers
from app.core.segments import Span
from app.core.speaker_changes import find_parts
from app.core.speaker_encoder import Embedding, SpeakerEncoder
from testing.recordings import speech

FEMALE, MALE = ("08a01Fd", "08a01Na"), ("03a01Fa", "03a01Nc")
PAUSE = np.zeros(1_600, np.float32)


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return SpeakerEncoder()


def signal(*parts: NDArray[np.float32]) -> Signal:
    return Signal(np.concatenate(parts)[np.newaxis], 16_000)


def spans(*parts: NDArray[np.float32]) -> list[Span]:
    """The frames of each part that is no pause."""
    edges = np.cumsum([0, *map(len, parts)]) // 160
    return [
        Span(int(start), int(end))
        for part, start, end in zip(parts, edges, edges[1:], strict=False)
        if part is not PAUSE
    ]


def test_the_voices_of_one_speaker_are_more_similar_than_those_of_two(encoder: SpeakerEncoder) -> None:
    female, male = ([encoder.embed(signal(speech(name))) for name in names] for names in (FEMALE, MALE))
    assert np.linalg.norm(female[0]) == pytest.approx(1)
    within = min(female[0] @ female[1], male[0] @ male[1])
    between = max(one @ other for one in female for other in male)
    assert within > between


def test_a_soft_stretch_is_amplified(encoder: SpeakerEncoder) -> None:
    samples = speech(MALE[0])
    soft, softer = (signal((samples / divisor).astype(np.float32)) for divisor in (100, 1_000))
    assert float(np.dot(encoder.embed(soft), encoder.embed(softer))) > 0.999


def test_a_segment_is_cut_where_the_speaker_changes(encoder: SpeakerEncoder) -> None:
    parts = [speech(FEMALE[0]), PAUSE, speech(MALE[0]), PAUSE, speech(MALE[0])]
    first, second, third = spans(*parts)
    found = [part.span for part in find_parts(signal(*parts), [first, second, third], encoder)]
    assert found == [first, Span(second.start, third.end)]


def test_a_long_run_is_cut_near_a_change_without_a_pause(encoder: SpeakerEncoder) -> None:
    """Each voice speaks for some seconds, and nobody pauses between them."""
    female, male = (np.concatenate([speech(name) for name in names]) for names in (FEMALE, MALE))
    run = Span(0, (len(female) + len(male)) // 160)
    found = [part.span for part in find_parts(signal(female, male), [run], encoder)]
    assert (found[0].start, found[-1].end) == (run.start, run.end)
    assert all(part.end == after.start for part, after in pairwise(found))
    change = len(female) // 160
    assert min(abs(part.start - change) for part in found[1:]) <= 100  # half a piece


def test_a_short_sound_belongs_to_its_nearest_neighbor(encoder: SpeakerEncoder) -> None:
    samples = speech(MALE[0])
    runs = [Span(0, 80), Span(90, 105), Span(120, 180)]
    parts = find_parts(signal(samples), runs, encoder)
    assert [part.span for part in parts] in ([Span(0, 180)], [Span(0, 105), Span(120, 180)])


def voices(*angles: float) -> list[Embedding]:
    """Voices at angles in degrees on a circle."""
    radians = np.radians(angles)
    return list(np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32))


def test_speakers_are_numbered_in_the_order_of_their_first_words() -> None:
    assert assign_speakers(voices(80, 0, 85, 5, 2), [1.0] * 5, 2) == [0, 1, 0, 1, 1]
    assert assign_speakers(voices(0, 80, 40), [1.0] * 3, 1) == [0, 0, 0]
    assert assign_speakers(voices(0), [1.0], 3) == [0]
    assert assign_speakers([], [], "auto") == []


@pytest.mark.parametrize(
    ("angles", "seconds", "expected"),
    [
        ((0, 5, 10, 3), (1, 1, 1, 1), 1),
        ((0, 5, 80, 85), (1, 1, 1, 1), 2),
        ((0, 45, 90, 2, 47, 92), (1, 1, 1, 1, 1, 1), 3),
        ((0, 2, 35, 37), (1, 1, 1, 1), 2),
        ((0, 2, 35, 37, 70, 72), (1, 1, 1, 1, 1, 1), 2),  # most calls have two speakers
        ((0, 5, 80, 2), (9, 9, 1, 9), 1),  # three percent of the speech are no speaker
    ],
)
def test_auto_joins_similar_and_small_groups(
    angles: tuple[float, ...], seconds: tuple[float, ...], expected: int
) -> None:
    assert len(set(assign_speakers(voices(*angles), seconds, "auto"))) == expected
