import pytest

from app.core.timeline import ChannelTimeline, Segment, Timeline, TurningPoint, is_decided, merge

CALM, ANGRY = {"anger": 0.2, "neutral": 0.8}, {"anger": 0.7, "neutral": 0.3}


def channel(*segments: tuple[float, float, dict[str, float]], number: int = 0) -> ChannelTimeline:
    return ChannelTimeline(number, tuple(Segment(*segment) for segment in segments))


def test_the_summary_of_a_channel_is_weighted_by_duration() -> None:
    spoken = channel((0, 3, CALM), (5, 6, ANGRY))
    assert spoken.speech_duration == 4.0
    assert spoken.probabilities == pytest.approx({"anger": 0.325, "neutral": 0.675})
    assert spoken.shares == pytest.approx({"anger": 0.25, "neutral": 0.75})


def test_the_summary_of_a_silent_channel_is_empty() -> None:
    silent = channel()
    assert (silent.speech_duration, silent.probabilities, silent.shares) == (0.0, {}, {})
    assert silent.turning_points == ()


def test_only_a_lasting_change_of_emotion_is_a_turning_point() -> None:
    calm = [(10.0 * k, 10.0 * k + 5, CALM) for k in range(4)]
    outburst = (40.0, 44.0, ANGRY)
    calm_again = [(50.0 + 10 * k, 55.0 + 10 * k, CALM) for k in range(3)]
    angry = [(80.0 + 10 * k, 85.0 + 10 * k, ANGRY) for k in range(3)]
    points = channel(*calm, outburst, *calm_again, *angry, number=1).turning_points
    assert points == (TurningPoint(80.0, 1, "neutral", "anger"),)


def test_turning_points_of_all_channels_are_in_order_of_time() -> None:
    def turning_at(time: float, number: int) -> ChannelTimeline:
        return channel((0, 10, CALM), (time, time + 10, ANGRY), number=number)

    timeline = Timeline(100.0, (turning_at(60, 0), turning_at(30, 1)))
    assert [(point.time, point.channel) for point in timeline.turning_points] == [(30, 1), (60, 0)]


def test_neighboring_segments_of_the_same_emotion_merge() -> None:
    calmer = {"anger": 0.0, "neutral": 1.0}
    merged = merge(channel((0, 3, CALM), (4, 5, calmer), (6, 7, ANGRY), (8, 9, CALM)).segments)
    assert [(segment.start, segment.end, segment.emotion) for segment in merged] == [
        (0, 5, "neutral"),
        (6, 7, "anger"),
        (8, 9, "neutral"),
    ]
    assert merged[0].probabilities == pytest.approx({"anger": 0.15, "neutral": 0.85})


def undecided(start: float, end: float) -> Segment:
    return Segment(start, end, {"anger": 0.51, "neutral": 0.49}, decided=False)


def test_an_undecided_segment_has_probabilities_and_no_emotion() -> None:
    assert undecided(0, 3).emotion is None
    assert not is_decided(undecided(0, 3).probabilities, 0.52)
    assert is_decided(undecided(0, 3).probabilities, 0.51)


def test_undecided_speech_is_a_share_of_its_own() -> None:
    spoken = ChannelTimeline(0, (Segment(0, 3, CALM), undecided(4, 10), Segment(11, 12, ANGRY)))
    assert spoken.shares == pytest.approx({"anger": 0.1, "neutral": 0.3})
    assert spoken.undecided == pytest.approx(0.6)
    assert spoken.emotion == "neutral"
    assert spoken.probabilities == pytest.approx({"anger": 0.325, "neutral": 0.675})


def test_a_channel_without_decided_segments_has_no_emotion() -> None:
    spoken = ChannelTimeline(0, (undecided(0, 3), undecided(4, 10)))
    assert spoken.emotion is None
    assert spoken.probabilities == pytest.approx({"anger": 0.51, "neutral": 0.49})
    assert (spoken.shares, spoken.undecided) == ({"anger": 0.0, "neutral": 0.0}, 1.0)


def test_undecided_segments_do_not_change_turning_points() -> None:
    calm = [Segment(10.0 * k, 10.0 * k + 5, CALM) for k in range(3)]
    angry = [Segment(50.0 + 10 * k, 55.0 + 10 * k, ANGRY) for k in range(3)]
    expected = (TurningPoint(50.0, 0, "neutral", "anger"),)
    unsure = [undecided(30, 49), undecided(56, 59)]
    assert ChannelTimeline(0, (*calm, *angry)).turning_points == expected
    assert ChannelTimeline(0, (*calm, unsure[0], angry[0], unsure[1], *angry[1:])).turning_points == expected


def test_decided_and_undecided_segments_do_not_merge() -> None:
    merged = merge((Segment(0, 3, ANGRY), undecided(4, 5), undecided(6, 7), Segment(8, 9, ANGRY)))
    assert [(one.start, one.end, one.emotion) for one in merged] == [
        (0, 3, "anger"),
        (4, 7, None),
        (8, 9, "anger"),
    ]
