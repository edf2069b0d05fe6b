"""The measures of calls that are built by hand. docs/measures.md defines each measure."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.calls.measures import PitchRange, measure
from app.calls.turns import Interruption
from app.core.pitch import Pitch
from app.core.timeline import ChannelTimeline, Probabilities, Segment, Timeline

CALM: Probabilities = {"anger": 0.2, "neutral": 0.8}


def party(*spans: tuple[float, float], number: int = 0) -> ChannelTimeline:
    return ChannelTimeline(number, tuple(Segment(start, end, CALM) for start, end in spans))


AGENT = party(
    (0.0, 4.0),
    (4.5, 6.0),  # the same turn after a short pause
    (11.0, 15.0),  # interrupts the customer, who stops at 12
    (17.0, 17.4),  # "mhm"
    (27.0, 28.0),  # responds after 2 s
)
CUSTOMER = party(
    (6.8, 10.0),  # responds after 0.8 s
    (10.4, 12.0),
    (14.8, 20.0),  # begins at the last syllable of the agent: no interruption
    (21.5, 25.0),  # continues after a pause of its own: a new turn, but no response
    (28.5, 29.0),  # responds after 0.5 s
    number=1,
)
CALL = measure(Timeline(40.0, (AGENT, CUSTOMER)))


def test_the_talk_of_a_call() -> None:
    agent, customer = CALL.parties
    assert (agent.talk_time, customer.talk_time, CALL.call.talk_time) == (10.9, 14.0, 23.3)
    assert (agent.talk_share, customer.talk_share) == pytest.approx((10.9 / 24.9, 14.0 / 24.9))
    assert (CALL.call.silence, CALL.call.longest_silence) == (16.7, 11.0)
    assert (agent.overlap, customer.overlap, CALL.call.overlap) == (1.6, 1.6, 1.6)


def test_the_turns_of_a_call() -> None:
    agent, customer = CALL.parties
    assert (agent.turns, customer.turns, CALL.call.turns) == (4, 4, 8)
    assert (agent.turns_per_minute, CALL.call.turns_per_minute) == (6.0, 12.0)
    assert (agent.longest_monologue, customer.longest_monologue) == (6.0, 5.2)
    assert CALL.call.longest_monologue == 6.0


def test_the_interruptions_of_a_call() -> None:
    agent, customer = CALL.parties
    assert CALL.call.interruptions == (Interruption(11.0, by=0, of=1),)
    assert (agent.interruptions, agent.interrupted) == (1, 0)
    assert (customer.interruptions, customer.interrupted) == (0, 1)


def test_the_response_latencies_of_a_call() -> None:
    agent, customer = CALL.parties
    assert (agent.response_latency, customer.response_latency) == (2.0, 0.65)
    assert CALL.call.response_latency == 0.8


def test_a_backchannel_in_a_pause_ends_a_turn_but_no_monologue() -> None:
    talker, listener = party((0.0, 5.0), (5.9, 12.0)), party((5.2, 5.6), number=1)
    measures = measure(Timeline(20.0, (talker, listener)))
    assert [one.turns for one in measures.parties] == [2, 1]
    assert [one.longest_monologue for one in measures.parties] == [12.0, 0.4]


def test_an_interruption_that_fails_does_not_count() -> None:
    talker, other = party((0.0, 10.0)), party((4.0, 7.0), number=1)
    assert measure(Timeline(10.0, (talker, other))).call.interruptions == ()


def test_two_parties_at_once_can_be_interrupted() -> None:
    parties = (party((0.0, 5.0)), party((1.0, 4.0), number=1), party((3.0, 9.0), number=2))
    measures = measure(Timeline(9.0, parties))
    assert measures.call.interruptions == (Interruption(3.0, by=2, of=0), Interruption(3.0, by=2, of=1))
    assert [one.overlap for one in measures.parties] == [4.0, 3.0, 2.0]
    assert (measures.call.overlap, measures.call.silence) == (4.0, 0.0)


def test_speakers_of_one_channel_are_parties() -> None:
    first, second = party((0.0, 3.0)), party((2.0, 6.0))
    assert first.channel == second.channel
    measures = measure(Timeline(6.0, (first, second)))
    assert measures.call.interruptions == (Interruption(2.0, by=1, of=0),)
    assert [one.overlap for one in measures.parties] == [1.0, 1.0]


def test_one_party_has_no_measures_of_a_conversation() -> None:
    measures = measure(Timeline(10.0, (party((1.0, 4.0)),)))
    (alone,) = measures.parties
    assert (alone.talk_share, alone.overlap, alone.interruptions, alone.interrupted) == (None,) * 4
    assert (measures.call.overlap, measures.call.interruptions, measures.call.response_latency) == (None,) * 3
    assert (alone.talk_time, measures.call.silence, alone.turns) == (3.0, 7.0, 1)


@pytest.mark.parametrize("duration", [0.0, 10.0])
def test_a_call_without_speech(duration: float) -> None:
    measures = measure(Timeline(duration, (party(), party(number=1))))
    call, one = measures.call, measures.parties[0]
    assert (call.talk_time, call.silence, call.longest_silence, call.turns) == (0, duration, duration, 0)
    assert (call.overlap, call.interruptions, call.response_latency) == (0.0, (), None)
    assert (one.talk_share, one.longest_monologue, one.loudness, one.pitch) == (None, 0.0, None, None)
    assert (one.emotion.start, one.emotion.trend, one.emotion.peaks) == (None, None, {})
    assert one.emotion.quarters == (None,) * 4
    assert (one.volatility, one.recoveries) == (None, None)
    assert call.turns_per_minute == (0.0 if duration else None)


def test_a_call_without_channels() -> None:
    measures = measure(Timeline(5.0, ()))
    assert (measures.parties, measures.call.silence, measures.call.turns) == ((), 5.0, 0)


def test_the_voice_of_a_party() -> None:
    segments = (
        Segment(0.0, 1.0, CALM, None, -20.0, Pitch(100.0, 120.0, 150.0)),
        Segment(2.0, 3.0, CALM, None, -10.0, Pitch(110.0, 130.0, 220.0)),
        Segment(4.0, 4.5, CALM, None, None, None),
        Segment(5.0, 6.0, CALM, None, -10.0, Pitch(55.0, 130.0, 440.0)),  # an octave error at both ends
    )
    (measures,) = measure(Timeline(6.0, (ChannelTimeline(0, segments),))).parties
    assert measures.loudness == -11.5  # of the mean power (0.01 + 0.1 + 0.1) / 3
    assert measures.pitch == PitchRange(100.0, 130.0, 220.0, 13.65)  # 12 log2 2.2


Spans = list[tuple[int, int]]


@st.composite
def parties(draw: st.DrawFn) -> list[ChannelTimeline]:
    """Return parties with segments on the grid of the detector, 10 ms."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        spans, end = [], 0
        for pause, length in draw(
            st.lists(st.tuples(st.integers(0, 300), st.integers(20, 800)), max_size=12)
        ):
            start, end = end + pause, end + pause + length
            spans.append((start / 100, end / 100))
        rows.append(party(*spans, number=number))
    return rows


@given(parties(), st.integers(0, 1000))
def test_the_measures_of_any_call_are_consistent(rows: list[ChannelTimeline], after: int) -> None:
    last = max((segment.end for row in rows for segment in row.segments), default=0.0)
    timeline = Timeline(last + after / 100, tuple(rows))
    measures = measure(timeline)
    call, found = measures.call, measures.parties
    assert call.talk_time + call.silence == pytest.approx(timeline.duration, abs=0.011)
    assert 0 <= call.longest_silence <= call.silence + 0.01
    assert max(one.talk_time for one in found) <= call.talk_time + 0.011
    assert sum(one.talk_share or 0 for one in found) <= 1 + 1e-9
    assert sum(one.turns for one in found) == call.turns
    assert all(one.turns <= len(row.segments) for one, row in zip(found, rows, strict=True))
    for one in found:
        assert one.longest_monologue <= call.longest_monologue <= timeline.duration
        assert one.emotion.start == (None if one.talk_time == 0 else pytest.approx(CALM))
    if len(rows) > 1:
        assert call.overlap is not None
        assert call.interruptions is not None
        assert call.overlap <= call.silence + call.talk_time
        assert sum(one.interruptions or 0 for one in found) == len(call.interruptions)
        assert sum(one.interrupted or 0 for one in found) == len(call.interruptions)
        assert all(one.by != one.of for one in call.interruptions)
        assert all((one.overlap or 0) <= min(one.talk_time, call.overlap) + 0.01 for one in found)
    if len(rows) == 2:
        total = sum(one.talk_time for one in found)
        assert total - (call.overlap or 0) + call.silence == pytest.approx(timeline.duration, abs=0.011)
        assert found[0].overlap == found[1].overlap == call.overlap


@given(parties())
def test_the_order_of_the_parties_changes_no_measure(rows: list[ChannelTimeline]) -> None:
    forward = measure(Timeline(300.0, tuple(rows)))
    backward = measure(Timeline(300.0, tuple(reversed(rows))))
    assert [asdict(one) for one in forward.parties] == [asdict(one) for one in reversed(backward.parties)]
