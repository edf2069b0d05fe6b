from itertools import pairwise

import numpy as np
import pytest

from app.core.audio import Signal, decode, select_channel
from app.core.segments import Frames, Span, count_frames, runs
from app.core.speech import SpeechDetector
from app.core.stretches import ChannelDetector, detect_recording, join, stretches
from testing.recordings import call

RATE = 8_000


def test_the_detector_starts_a_second_before_every_stretch_except_the_first() -> None:
    found = [(stretch.history, stretch.run_in, stretch.start, stretch.end) for stretch in stretches(70.5)]
    assert found == [(0, 0, 0, 30), (0, 29, 30, 60), (29, 59, 60, 70.5)]


def test_speech_before_the_start_of_a_stretch_is_discarded() -> None:
    """The second stretch finds speech from 29.5 to 31 s; the first stretch finds none."""
    assert runs(join([[], [Span(50, 200)]], 45 * RATE, RATE)) == [Span(3_000, 3_100)]


def test_speech_in_two_adjacent_stretches_is_one_run() -> None:
    frames = join([[Span(2_900, 3_000)], [Span(0, 200)]], 45 * RATE, RATE)
    assert runs(frames) == [Span(2_900, 3_100)]
    assert len(frames) == 4_500
    assert frames.dtype == np.bool_


@pytest.fixture(scope="module")
def signal() -> Signal:
    """One channel of a call of a minute and a half."""
    return select_channel(decode(call(20)), 0)


@pytest.fixture(scope="module")
def expected(signal: Signal) -> Frames:
    """The speech of the call, found stretch by stretch."""
    assert len(stretches(signal.duration)) > 2
    return detect_recording(SpeechDetector(), signal)


@pytest.mark.parametrize("seed", range(3))
def test_the_speech_of_a_stream_is_that_of_its_recording(signal: Signal, expected: Frames, seed: int) -> None:
    random = np.random.default_rng(seed)
    cuts = np.sort(random.integers(0, signal.samples.shape[1], 10 ** (seed + 1)))
    channel = ChannelDetector(SpeechDetector(), signal.sampling_rate)
    found = [channel.push(piece) for piece in np.split(signal.samples[0], cuts)]
    found.append(channel.finish())
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert expected.any()
    assert len(expected) == count_frames(signal.samples.shape[1], signal.sampling_rate)


def test_a_frame_is_known_within_a_second(signal: Signal) -> None:
    channel = ChannelDetector(SpeechDetector(), signal.sampling_rate)
    size = signal.sampling_rate // 10
    edges = range(0, 60 * signal.sampling_rate, size)
    n_frames = np.cumsum([len(channel.push(signal.samples[0, one:other])) for one, other in pairwise(edges)])
    behind = 10 * np.arange(1, len(n_frames) + 1) - n_frames
    assert behind.max() <= 100
