import pytest

from app.core.timeline import ChannelTimeline, Segment, Timeline, TurningPoint, merge

CALM, CROSS = {"anger": 0.2, "neutral": 0.8}, {"anger": 0.7, "neutral": 0.3}


def channel(*segments: tuple[float, float, dict[str, float]], number: int = 0) -> ChannelTimeline:
    return ChannelTimeline(number, tuple(Segment(*segment) for segment in segments))


def test_a_channel_is_summed_up_by_duration() -> None:
    spoken = channel((0, 3, CALM), (5, 6, CROSS))
    assert spoken.speech_duration == 4.0
    assert spoken.probabilities == pytest.approx({"anger": 0.325, "neutral": 0.675})
    assert spoken.shares == pytest.approx({"anger": 0.25, "neutral": 0.75})


def test_a_silent_channel_has_nothing_to_sum_up() -> None:
    silent = channel()
    assert (silent.speech_duration, silent.probabilities, silent.shares) == (0.0, {}, {})
    assert silent.turning_points == ()


def test_the_emotion_turns_where_it_changes_and_stays_changed() -> None:
    calm = [(10.0 * k, 10.0 * k + 5, CALM) for k in range(4)]
    outburst = (40.0, 44.0, CROSS)
    calm_again = [(50.0 + 10 * k, 55.0 + 10 * k, CALM) for k in range(3)]
    cross = [(80.0 + 10 * k, 85.0 + 10 * k, CROSS) for k in range(3)]
    points = channel(*calm, outburst, *calm_again, *cross, number=1).turning_points
    assert points == (TurningPoint(80.0, 1, "neutral", "anger"),)


def test_turning_points_of_all_channels_are_in_order() -> None:
    def turns(at: float, number: int) -> ChannelTimeline:
        return channel((0, 10, CALM), (at, at + 10, CROSS), number=number)

    timeline = Timeline(100.0, (turns(60, 0), turns(30, 1)))
    assert [(point.time, point.channel) for point in timeline.turning_points] == [(30, 1), (60, 0)]


def test_neighbors_of_one_emotion_merge() -> None:
    calmer = {"anger": 0.0, "neutral": 1.0}
    merged = merge(channel((0, 3, CALM), (4, 5, calmer), (6, 7, CROSS), (8, 9, CALM)).segments)
    assert [(one.start, one.end, one.emotion) for one in merged] == [
        (0, 5, "neutral"),
        (6, 7, "anger"),
        (8, 9, "neutral"),
    ]
    assert merged[0].probabilities == pytest.approx({"anger": 0.15, "neutral": 0.85})
