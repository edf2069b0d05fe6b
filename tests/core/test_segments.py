import itertools

import numpy as np
import pytest

from app.core.segments import Frames, Span, find_segments, runs, with_context


def frames(*stretches: tuple[float, bool]) -> Frames:
    """Return frames from pairs: the duration of a part in seconds, and whether it contains speech."""
    return np.concatenate([np.full(round(seconds * 100), speech) for seconds, speech in stretches])


def seconds(segments: list[Span]) -> list[tuple[float, float]]:
    return [(segment.start_seconds, segment.end_seconds) for segment in segments]


def test_runs_are_the_spans_of_true_frames() -> None:
    assert runs(frames((0.02, True), (0.01, False), (0.03, True))) == [Span(0, 2), Span(3, 6)]
    assert runs(frames((1, False))) == runs(np.zeros(0, np.bool_)) == []


def test_a_pause_ends_a_segment_and_a_breath_does_not() -> None:
    spoken = frames((1, False), (1.5, True), (0.3, False), (1, True), (0.5, False), (2, True), (1, False))
    assert seconds(find_segments(spoken)) == [(1.0, 3.8), (4.3, 6.3)]


def test_a_click_is_not_a_segment() -> None:
    assert find_segments(frames((1, False), (0.1, True), (1, False))) == []


def test_a_segment_that_is_too_long_is_cut_at_its_longest_silence() -> None:
    spoken = frames((3, True), (0.1, False), (4, True), (0.3, False), (5, True), (0.05, False), (0.5, True))
    assert seconds(find_segments(spoken)) == [(0.0, 7.1), (7.4, 12.95)]


def test_long_speech_without_silence_is_cut_into_equal_parts() -> None:
    assert seconds(find_segments(frames((20, True)))) == [(0.0, 6.66), (6.66, 13.33), (13.33, 20.0)]


@pytest.mark.parametrize("seed", range(20))
def test_segments_contain_all_speech_except_clicks(seed: int) -> None:
    random = np.random.default_rng(seed)
    stretches = [(float(random.exponential(0.7)), number % 2 == 0) for number in range(300)]
    spoken = frames(*stretches)
    segments = find_segments(spoken)
    kept = np.zeros_like(spoken)
    for segment in segments:
        kept[segment.start : segment.end] = True
        assert 0 < segment.seconds <= 8
    assert all(first.end <= second.start for first, second in itertools.pairwise(segments))
    assert all(len(run) < 20 for run in runs(spoken & ~kept))


def test_context_ends_halfway_to_the_neighbor_and_at_both_ends_of_the_call() -> None:
    first, second = Span(10, 100), Span(120, 300)
    third = Span(500, 590)
    extended = with_context([first, second, third], 6.0)
    assert extended[first] == pytest.approx((0.0, 1.1))
    assert extended[second] == pytest.approx((1.1, 3.3))
    assert extended[third] == pytest.approx((4.7, 6.0))
