"""The meaning of each word of a condition, on calls built by hand."""

from pathlib import Path

import pytest

from app.core.channels import ChannelPolicy
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.evaluation import evaluate
from app.rules.reader import read_rules
from app.rules.watch import RuleWatch
from testing.bundles import LABELS
from testing.recordings import ROOT
from tests.rules.calls import UNDECIDED, call, rules_of, segment

CALL = call(
    100,
    agent=[segment(0, 4, "neutral"), segment(30, 33, "happiness"), segment(60, 64, "anger", 0.5)],
    customer=[
        segment(5, 9, "neutral"),
        segment(10, 16, "anger", 0.6),
        segment(40, 42, "sadness"),
        segment(70, 75, "anger", 0.9),
        segment(90, 95, "anger", 0.55),
    ],
)
CLOSE = {"anger": 0.3, "surprise": 0.1, "happiness": 0.1, "sadness": 0.25, "neutral": 0.25}
WHOLE = (0, 100, None)
"""The start, the end and the channel of an alert whose reason is the absence of speech."""


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # The first channel on which the condition holds is the reason.
        ("{emotion: anger}", (10, 16, 1)),
        ("{emotion: happiness}", (30, 33, 0)),
        ("{emotion: surprise}", None),
        ("{emotion: [happiness, sadness]}", (30, 33, 0)),
        ("{role: customer}", (5, 9, 1)),
        ("{role: agent, emotion: anger}", (60, 64, 0)),
        ("{channel: 0, emotion: anger}", (60, 64, 0)),
        ("{role: supervisor}", None),
        ("{channel: 7}", None),
        ("{speaker: 0}", None),
        # The alert ends when count and duration are reached.
        ("{emotion: anger, count: 2}", (10, 75, 1)),
        ("{emotion: anger, count: 3}", (10, 95, 1)),
        ("{emotion: anger, count: 4}", None),
        ("{emotion: anger, duration: 11}", (10, 75, 1)),
        ("{emotion: anger, duration: 11.01}", (10, 95, 1)),
        ("{emotion: anger, duration: 16.01}", None),
        ("{role: customer, emotion: anger, count: 3, duration: 6}", (10, 95, 1)),
        # The probability of several emotions is their sum, and none of them need lead.
        ("{emotion: anger, probability: 0.6}", (10, 16, 1)),
        ("{emotion: anger, probability: 0.61}", (70, 75, 1)),
        ("{emotion: sadness, probability: 0.09, role: customer}", (10, 16, 1)),
        ("{emotion: [anger, neutral], probability: 0.85, count: 2}", (5, 75, 1)),
        # Only the parts of segments inside a window count.
        ("{emotion: anger, within: {from: 20}}", (60, 64, 0)),
        ("{emotion: anger, role: customer, within: {from: 12, to: 60}}", (12, 16, 1)),
        ("{emotion: anger, role: customer, duration: 4, within: {from: 12, to: 60}}", (12, 16, 1)),
        ("{emotion: anger, role: customer, duration: 4.01, within: {from: 12, to: 60}}", None),
        ("{emotion: anger, within: {from: 16, to: 60}}", None),
        ("{emotion: anger, within: {to: 10}}", None),
        ("{emotion: anger, within: {from: 65%, to: 90%}}", (70, 75, 1)),
        ("{emotion: anger, within: {last: 7.5}}", (92.5, 95, 1)),
        ("{emotion: anger, within: {last: 20%}}", (90, 95, 1)),
        ("{emotion: anger, within: {last: 500}}", (10, 16, 1)),
        # Several windows count together, and a segment in two of them counts once.
        ("{emotion: anger, role: customer, duration: 8, within: [{to: 13}, {from: 90}]}", (10, 95, 1)),
        ("{emotion: anger, role: customer, count: 2, within: [{to: 12}, {from: 14, to: 80}]}", (10, 75, 1)),
        ("{emotion: anger, role: customer, count: 2, within: [{to: 12}, {from: 14, to: 70}]}", None),
        ("{emotion: anger, role: customer, duration: 11.01, within: [{to: 80}, {last: 50}]}", (10, 95, 1)),
        # Combinations.
        ("all: [{emotion: happiness}, {emotion: anger}]", (10, 33, None)),
        ("all: [{emotion: sadness}, {emotion: anger, role: customer}]", (10, 42, 1)),
        ("all: [{emotion: sadness}, {emotion: surprise}]", None),
        ("any: [{emotion: sadness}, {emotion: happiness}]", (30, 33, 0)),
        ("any: [{emotion: surprise}, {emotion: sadness}]", (40, 42, 1)),
        ("not: {emotion: surprise}", WHOLE),
        ("not: {emotion: anger}", None),
        ("not: {not: {emotion: anger}}", WHOLE),
        ("all: [{not: {emotion: surprise}}, {emotion: sadness}]", (40, 42, 1)),
        ("all: [{emotion: sadness}, {not: {emotion: anger, count: 4}}]", (40, 42, 1)),
        ("all: [{emotion: sadness}, {not: {emotion: anger, within: {last: 10}}}]", None),
        ("any: [{not: {emotion: surprise}}, {emotion: sadness}]", (40, 42, 1)),
        ("any: [{not: {emotion: surprise}}, {not: {role: supervisor}}]", WHOLE),
    ],
)
def test_a_condition_holds_where_its_words_say(
    tmp_path: Path, condition: str, expected: tuple[float, float, int | None] | None
) -> None:
    alerts = evaluate(rules_of(tmp_path, condition), CALL)
    assert [(alert.start, alert.end, alert.channel) for alert in alerts] == ([expected] if expected else [])


def test_a_segment_without_an_emotion_is_only_speech(tmp_path: Path) -> None:
    conditions = ("{emotion: anger}", "{emotion: anger, probability: 0.2}", "{duration: 3}")
    undecided = call(5, customer=[UNDECIDED(1, 4, CLOSE)])
    assert [alert.rule for alert in evaluate(rules_of(tmp_path, *conditions), undecided)] == ["rule-2"]
    decided = call(5, customer=[segment(1, 4, "anger", 0.3)])
    assert len(evaluate(rules_of(tmp_path, *conditions), decided)) == 3


def test_a_condition_selects_a_speaker_of_a_channel(tmp_path: Path) -> None:
    speakers = (
        ChannelTimeline(0, (segment(0, 1, "neutral"), segment(4, 5, "anger")), "agent", 0),
        ChannelTimeline(0, (segment(2, 3, "anger"),), "customer", 1),
    )
    conditions = ("{speaker: 0, emotion: anger}", "{emotion: anger}", "{emotion: anger, count: 2}")
    alerts = evaluate(rules_of(tmp_path, *conditions), Timeline(6, speakers))
    found = [(alert.rule, alert.end, alert.role, alert.speaker) for alert in alerts]
    assert found == [("rule-1", 3, "customer", 1), ("rule-0", 5, "agent", 0)]


def test_a_call_without_speech_matches_only_rules_about_absence(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "{count: 1}", "not: {role: customer}", "{within: {last: 50%}}")
    for silent in (call(3, customer=[]), Timeline(3, ())):
        (alert,) = evaluate(rules, silent)
        assert (alert.rule, alert.start, alert.end, alert.channel) == ("rule-1", 0, 3, None)


def test_before_the_end_only_conditions_hold_that_more_speech_cannot_take_back(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        "{emotion: anger, within: {from: 20}}",
        "not: {emotion: surprise}",
        "{emotion: anger, within: {last: 50}}",
        "any: [{not: {emotion: surprise}}, {emotion: anger}]",
        "all: [{not: {emotion: surprise}}, {emotion: anger}]",
    )
    assert [rule.is_live for rule in rules] == [True, False, False, True, False]
    watch = RuleWatch(rules)
    spoken = [(segment, channel) for channel in CALL.channels for segment in channel.segments]
    for own, channel in sorted(spoken, key=lambda pair: pair[0].end):
        for alert in watch.add(channel.channel, own, role=channel.role):
            assert alert in evaluate(rules, CALL)
            assert alert.end == own.end
    assert watch.alerted == {"rule-0", "rule-3"}
    assert len(evaluate(rules, CALL)) == 5


def test_the_shipped_rules_alert_in_the_calls_that_they_describe() -> None:
    rules = read_rules(ROOT / "examples" / "rules.yaml", LABELS, ChannelPolicy.of([1]))
    calm = [segment(start, start + 5, "neutral") for start in range(0, 100, 10)]
    angry = [segment(start, start + 5, "anger", 0.7) for start in range(0, 100, 10)]

    def names(customer: list[Segment]) -> set[str]:
        return {alert.rule for alert in evaluate(rules, call(100, agent=angry, customer=customer))}

    assert names(calm) == set()
    assert names(angry) == {"angry-customer", "angry-ending"}
    assert names([*calm[:8], *angry[8:]]) == {"angry-ending"}
    assert names([*angry[:2], *calm[2:]]) == {"won-over"}
    assert names([*angry[:5], *calm[5:]]) == {"angry-customer", "won-over"}
