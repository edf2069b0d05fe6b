import itertools

import numpy as np
import pytest

from app.core.segments import Frames, Segmenter, Span, SpeechSegment, find_segments, runs


def frames(*stretches: tuple[float, bool]) -> Frames:
    """Return frames from pairs: the duration of a part in seconds, and whether it contains speech."""
    return np.concatenate([np.full(round(seconds * 100), speech) for seconds, speech in stretches])


def seconds(segments: list[SpeechSegment]) -> list[tuple[float, float]]:
    return [(segment.span.start_seconds, segment.span.end_seconds) for segment in segments]


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


def test_long_speech_without_silence_is_cut_at_the_greatest_duration() -> None:
    assert seconds(find_segments(frames((20, True)))) == [(0.0, 8.0), (8.0, 16.0), (16.0, 20.0)]


def random_frames(seed: int) -> Frames:
    random = np.random.default_rng(seed)
    return frames(*[(float(random.exponential(0.7)), number % 2 == 0) for number in range(300)])


@pytest.mark.parametrize("seed", range(20))
def test_segments_contain_all_speech_except_clicks(seed: int) -> None:
    spoken = random_frames(seed)
    segments = [segment.span for segment in find_segments(spoken)]
    kept = np.zeros_like(spoken)
    for segment in segments:
        kept[segment.start : segment.end] = True
        assert 0 < segment.seconds <= 8
    assert all(first.end <= second.start for first, second in itertools.pairwise(segments))
    assert all(len(run) < 20 for run in runs(spoken & ~kept))


@pytest.mark.parametrize("seed", range(20))
def test_the_segments_do_not_depend_on_how_the_frames_are_divided(seed: int) -> None:
    spoken = random_frames(seed)
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(spoken), 100))
    segmenter = Segmenter()
    segments = [segment for piece in np.split(spoken, cuts) for segment in segmenter.push(piece)]
    assert segments + segmenter.finish() == find_segments(spoken)


def test_a_segment_is_complete_as_soon_as_the_pause_is_long_enough() -> None:
    segmenter = Segmenter()
    assert segmenter.push(frames((1, True), (0.39, False))) == []
    assert segmenter.open_since == 0
    assert seconds(segmenter.push(frames((0.01, False)))) == [(0.0, 1.0)]
    assert segmenter.open_since is None


@pytest.mark.parametrize("seed", range(20))
def test_each_open_segment_is_complete_later(seed: int) -> None:
    random = np.random.default_rng(seed)
    clicks = frames(*[(0.04, True), (0.3, False)] * 30)
    spoken = np.concatenate([random_frames(seed), frames((1, False)), clicks])
    segmenter, opened, starts = Segmenter(), set[int](), set[int]()
    for piece in np.split(spoken, np.sort(random.integers(0, len(spoken), 300))):
        starts |= {segment.span.start for segment in segmenter.push(piece)}
        opened |= set() if segmenter.open_since is None else {segmenter.open_since}
    assert opened
    assert opened <= starts | {segment.span.start for segment in segmenter.finish()}


def test_context_ends_halfway_to_the_neighbor_and_at_both_ends_of_the_call() -> None:
    spoken = frames(
        (0.1, False), (7.9, True), (0.1, False), (3.9, True), (0.6, False), (1, True), (0.1, False)
    )
    assert [segment.context for segment in find_segments(spoken)] == [
        Span(0, 805),  # half of 0.1 s
        Span(805, 1_220),  # half of the pause of 0.4 s that ends a segment
        Span(1_230, 1_370),  # half of the silence of 0.6 s, and the end of the call
    ]
