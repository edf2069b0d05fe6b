"""The evaluation equals one that looks at each frame, and a stream has the alerts of its recording."""

from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.evaluation import evaluate
from app.rules.rule import AllOf, AnyOf, Condition, Not, Rule, Speech, Unit, Window, frames
from app.rules.watch import RuleWatch
from tests.rules.calls import UNDECIDED

EMOTIONS = ("anger", "neutral", "sadness")
Span = tuple[int, int]
Reason = tuple[Span | None, int | None]
"""The frames of a match, none for the absence of speech, and the number of the row."""

weights = st.tuples(*[st.integers(1, 4)] * len(EMOTIONS))
gaps = st.tuples(st.integers(0, 40), st.integers(20, 80), weights, st.booleans())


@st.composite
def rows(draw: st.DrawFn, number: int) -> ChannelTimeline:
    """Return the segments of a channel or speaker."""
    segments, end = [], 0
    for pause, length, parts, decided in draw(st.lists(gaps, max_size=6)):
        start, end = end + pause, end + pause + length
        probabilities = dict(zip(EMOTIONS, (part / sum(parts) for part in parts), strict=True))
        kind = Segment if decided else UNDECIDED
        segments.append(kind(start / 100, end / 100, probabilities))
    role, speaker = draw(st.sampled_from([None, "agent", "customer"])), draw(st.sampled_from([None, 0, 1]))
    return ChannelTimeline(number, tuple(segments), role, speaker)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Return a call of up to three channels."""
    channels = tuple(draw(rows(number)) for number in range(draw(st.integers(0, 3))))
    last = max((segment.end for channel in channels for segment in channel.segments), default=0.0)
    return Timeline(last + draw(st.integers(1, 300)) / 100, channels)


@st.composite
def windows(draw: st.DrawFn, *, relative: bool) -> Window:
    """Return a part of a call."""
    units: list[Unit] = ["seconds", "percent", "seconds before the end"]
    unit = draw(st.sampled_from(units if relative else units[:1]))
    scale = 25 if unit == "percent" else 1
    start = draw(st.integers(0, 3)) * scale
    end = draw(st.sampled_from([None, *(start + (more + 1) * scale for more in range(3))]))
    return Window(start + scale if unit == "seconds before the end" else start, end, unit)


def conditions(*, relative: bool) -> st.SearchStrategy[Condition]:
    """Return conditions; without `relative`, those that more speech cannot take back."""
    emotions = st.lists(st.sampled_from(EMOTIONS), unique=True, max_size=2).map(tuple)
    speech = st.builds(
        Speech,
        emotions=emotions,
        probability=st.sampled_from([None, 0.2, 0.25, 0.5]),
        count=st.integers(1, 4),
        duration=st.sampled_from([0, 50, 100, 200]),
        channel=st.sampled_from([None, None, 0, 1]),
        role=st.sampled_from([None, None, "customer"]),
        speaker=st.sampled_from([None, None, 0]),
        windows=st.lists(windows(relative=relative), max_size=2).map(tuple),
    ).filter(lambda one: bool(one.emotions) or one.probability is None)

    def combine(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(parts, min_size=1, max_size=3).map(tuple)
        both = st.builds(AllOf, several) | st.builds(AnyOf, several)
        return both | st.builds(Not, parts) if relative else both

    return st.recursive(speech, combine, max_leaves=4)


def naive(condition: Condition, call: Timeline) -> Reason | None:
    """Return the reason of a match, or None."""
    match condition:
        case Speech():
            found = [naive_row(condition, call, number) for number in range(len(call.channels))]
            return first([(span, number) for number, span in enumerate(found) if span])
        case Not():
            return (None, None) if naive(condition.part, call) is None else None
        case AnyOf():
            return first([one for part in condition.parts if (one := naive(part, call))])
        case AllOf():
            reasons = [naive(part, call) for part in condition.parts]
            spans = [one for one in reasons if one and one[0]]
            if None in reasons:
                return None
            if not spans:
                return None, None
            numbers = {number for _, number in spans}
            edges = [span for span, _ in spans if span]
            span = min(start for start, _ in edges), max(end for _, end in edges)
            return span, numbers.pop() if len(numbers) == 1 else None


def first(reasons: list[Reason]) -> Reason | None:
    """Return the reason with the earliest end; absence comes last."""
    return min(reasons, key=lambda reason: reason[0][1] if reason[0] else 10**9, default=None)


def naive_row(condition: Speech, call: Timeline, number: int) -> Span | None:
    """Count the segments and the frames of a row, one after the other."""
    row = call.channels[number]
    if not condition.selects(row.channel, row.role, row.speaker):
        return None
    edges = [window.resolve(frames(call.duration)) for window in condition.windows]
    begin, n_segments, n_frames = None, 0, 0
    for segment in row.segments:
        total = sum(segment.probabilities[one] for one in condition.emotions)
        leads = not condition.emotions or segment.emotion in condition.emotions
        certain = segment.emotion is not None and condition.probability is not None
        if not (leads if condition.probability is None else certain and total >= condition.probability):
            continue
        inside = [
            frame
            for frame in range(frames(segment.start), frames(segment.end))
            if not edges or any(start <= frame < end for start, end in edges)
        ]
        for place, (_, run) in enumerate(groupby(enumerate(inside), lambda pair: pair[1] - pair[0])):
            part = [frame for _, frame in run]
            begin = part[0] if begin is None else begin
            n_segments += place == 0
            n_frames += len(part)
            if n_segments >= condition.count and n_frames >= condition.duration:
                return begin, part[-1] + 1
    return None


@settings(max_examples=300, deadline=None)
@given(timelines(), conditions(relative=True))
def test_the_evaluation_equals_a_naive_one(call: Timeline, condition: Condition) -> None:
    alerts = evaluate([Rule("rule", "info", "text", condition)], call)
    reason = naive(condition, call)
    if reason is None:
        assert alerts == ()
        return
    (alert,) = alerts
    span, number = reason
    assert (alert.start, alert.end) == (
        (span[0] / 100, span[1] / 100) if span else (0, round(call.duration, 2))
    )
    row = None if number is None else call.channels[number]
    assert (alert.channel, alert.role, alert.speaker) == (
        (row.channel, row.role, row.speaker) if row else (None, None, None)
    )


@settings(max_examples=200, deadline=None)
@given(timelines(), st.lists(conditions(relative=False), min_size=1, max_size=3))
def test_a_stream_alerts_once_for_each_rule_that_its_recording_matches(
    call: Timeline, several: list[Condition]
) -> None:
    rules = [Rule(f"rule-{number}", "info", None, one) for number, one in enumerate(several)]
    watch = RuleWatch(rules)
    spoken = [(segment, channel) for channel in call.channels for segment in channel.segments]
    alerts = [
        alert
        for segment, channel in sorted(spoken, key=lambda pair: pair[0].end)
        for alert in watch.add(channel.channel, segment, role=channel.role, speaker=channel.speaker)
    ]
    assert len({alert.rule for alert in alerts}) == len(alerts)
    expected = evaluate(rules, call)
    assert {alert.rule for alert in alerts} == {alert.rule for alert in expected} == watch.alerted
