import numpy as np

from app.core.segments import Span, runs
from app.core.stretches import join, stretches


def test_the_detector_starts_a_second_before_every_stretch_except_the_first() -> None:
    assert [(stretch.heard_from, stretch.start, stretch.end) for stretch in stretches(70.5)] == [
        (0.0, 0.0, 30.0),
        (29.0, 30.0, 60.0),
        (59.0, 60.0, 70.5),
    ]
    assert stretches(60.0)[-1].samples(8_000) == slice(29 * 8_000, 60 * 8_000)


def test_speech_before_the_start_of_a_stretch_is_discarded() -> None:
    """The second stretch finds speech from 29.5 to 31 s; the first stretch finds none."""
    assert runs(join([[], [Span(50, 200)]], 45.0)) == [Span(3_000, 3_100)]


def test_speech_in_two_adjacent_stretches_is_one_run() -> None:
    frames = join([[Span(2_900, 3_000)], [Span(0, 200)]], 45.0)
    assert runs(frames) == [Span(2_900, 3_100)]
    assert len(frames) == 4_501
    assert frames.dtype == np.bool_
