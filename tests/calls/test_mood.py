"""The course of the emotion of a party that is built by hand. docs/measures.md defines each measure."""

import pytest

from app.calls.mood import Peak, mood_of, volatility_of
from app.calls.recovery import Recovery, recoveries_of
from app.core.timeline import ChannelTimeline, Probabilities, Segment


def angry(anger: float) -> Probabilities:
    return {"anger": anger, "neutral": 1 - anger}


def party(*segments: tuple[float, float, float]) -> ChannelTimeline:
    return ChannelTimeline(0, tuple(Segment(start, end, angry(anger)) for start, end, anger in segments))


CUSTOMER = party(
    (0, 10, 0.1), (40, 50, 0.2), (80, 90, 0.7), (100, 110, 0.9), (140, 150, 0.1), (150, 160, 0.1)
)
MOOD = mood_of(CUSTOMER.segments, 160.0)


def test_the_emotion_at_the_start_and_at_the_end_is_that_of_30_seconds_of_speech() -> None:
    assert MOOD.start == pytest.approx(angry((0.1 + 0.2 + 0.7) / 3))
    assert MOOD.end == pytest.approx(angry((0.9 + 0.1 + 0.1) / 3))


def test_only_a_part_of_the_segment_at_the_border_counts() -> None:
    mood = mood_of(party((0, 20, 0.0), (30, 50, 1.0)).segments, 60.0)
    assert mood.start == pytest.approx(angry(1 / 3))
    assert mood.end == pytest.approx(angry(2 / 3))


def test_the_emotion_in_quarters() -> None:
    for quarter, anger in zip(MOOD.quarters, (0.1, 0.2, 0.8, 0.1), strict=True):
        assert quarter == pytest.approx(angry(anger))
    across = mood_of(party((5, 20, 0.4)).segments, 40.0)
    assert list(across.quarters) == [pytest.approx(angry(0.4)), pytest.approx(angry(0.4)), None, None]


def test_the_trend_is_the_slope_per_minute() -> None:
    # Middles 5 to 155 s around their mean of 90 s: 60 * 4.5 / 16,750.
    assert MOOD.trend == pytest.approx({"anger": 0.0161194, "neutral": -0.0161194}, rel=1e-5)
    steady = party(*((20.0 * k, 20.0 * k + 4 + k, 0.1 * (20 * k + (4 + k) / 2) / 60) for k in range(8)))
    trend = mood_of(steady.segments, 200.0).trend
    assert trend == pytest.approx({"anger": 0.1, "neutral": -0.1})


def test_a_short_call_has_no_trend() -> None:
    assert mood_of(party((0, 5, 0.1), (50, 59, 0.9)).segments, 60.0).trend is None


def test_the_peaks_are_the_most_probable_segments() -> None:
    assert MOOD.peaks == {"anger": Peak(100, 0.9), "neutral": Peak(0, 0.9)}


def test_the_volatility_is_the_mean_change() -> None:
    assert volatility_of(CUSTOMER.segments) == pytest.approx((0.1 + 0.5 + 0.2 + 0.8 + 0.0) / 5)
    assert volatility_of(CUSTOMER.segments[:1]) is None


def test_the_recovery_is_the_time_from_the_peak_of_anger_to_neutral() -> None:
    assert recoveries_of(CUSTOMER) == (Recovery(anger=80, peak=110, neutral=140, seconds=30),)


def test_anger_until_the_end_has_no_recovery() -> None:
    assert recoveries_of(party((0, 10, 0.1), (20, 30, 0.8), (40, 50, 0.7))) == (Recovery(20, 30, None, None),)
    assert recoveries_of(party((0, 10, 0.9), (20, 30, 0.8))) == (Recovery(0, 10, None, None),)


def test_each_period_of_anger_has_a_recovery() -> None:
    twice = party((0, 10, 0.9), (20, 30, 0.1), (40, 50, 0.8), (52, 62, 0.1))
    assert recoveries_of(twice) == (Recovery(0, 10, 20, 10), Recovery(40, 50, 52, 2))


def test_a_short_outburst_is_no_period_of_anger() -> None:
    outburst = party((0, 10, 0.1), (20, 22, 0.9), (24, 34, 0.0), (40, 50, 0.1))
    assert recoveries_of(outburst) == ()
    assert recoveries_of(party((0, 3, 0.9))) == ()


def test_other_labels_have_no_recovery() -> None:
    segments = (Segment(0, 10, {"pleased": 0.4, "displeased": 0.6}),)
    assert recoveries_of(ChannelTimeline(0, segments)) is None
    assert mood_of(segments, 10.0).start == pytest.approx({"pleased": 0.4, "displeased": 0.6})
    assert recoveries_of(party()) is None
