"""Measure the evaluation of rules: `python -m benchmarks.rules`.

1,000 rules, each different from the others, on an hour of two channels; and the live watch on each segment.
The figures are processor time, because the machine may have other work.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.evaluation import evaluate
from app.rules.rule import AllOf, AnyOf, Condition, Not, Rule, Speech, Window
from app.rules.watch import RuleWatch

LABELS = ("anger", "surprise", "happiness", "sadness", "neutral")
ROLES = ("agent", "customer")
N_RULES = 1000
HOUR = 3600.0
N_ROUNDS = 15


def main() -> None:
    """Print the figures."""
    random = np.random.default_rng(1)
    call, rules = hour(random), [rule(random, number) for number in range(N_RULES)]
    n_segments = sum(len(channel.segments) for channel in call.channels)
    alerts = evaluate(rules, call)
    print(f"{N_RULES} rules, {sum(one.is_live for one in rules)} of them live; {n_segments} segments")
    seconds = [measured(lambda: evaluate(rules, call)) for _ in range(N_ROUNDS)]
    print(
        f"whole call: median {1000 * median(seconds):.0f} ms, at most {1000 * max(seconds):.0f} ms; "
        f"{len(alerts)} alerts"
    )
    for n_rules in (20, N_RULES):
        each = live(rules[:n_rules], call)
        print(
            f"live, {n_rules} rules: median {1000 * median(each):.2f} ms a segment, 99th percentile "
            f"{1000 * np.percentile(each, 99):.1f} ms, {sum(each):.1f} s for the hour"
        )


def hour(random: np.random.Generator) -> Timeline:
    """Return an hour in which both channels speak in turns, with segments of 0.5 to 6 s."""
    segments: dict[str, list[Segment]] = {role: [] for role in ROLES}
    end = 0.0
    while True:
        role = ROLES[random.integers(len(ROLES))]
        start = round(end + random.uniform(0.4, 1.5), 2)
        end = round(start + random.uniform(0.5, 6), 2)
        if end > HOUR:
            break
        probabilities = random.dirichlet(np.ones(len(LABELS))).tolist()
        segments[role].append(Segment(start, end, dict(zip(LABELS, probabilities, strict=True))))
    channels = (ChannelTimeline(number, tuple(segments[role]), role) for number, role in enumerate(ROLES))
    return Timeline(HOUR, tuple(channels))


def rule(random: np.random.Generator, number: int) -> Rule:
    """Return a rule of two or three conditions; in a third of the rules, one of them is negated."""
    parts: list[Condition] = [speech(random) for _ in range(random.integers(2, 4))]
    if number % 3 == 0:
        parts[-1] = Not(parts[-1])
    combined = AnyOf(tuple(parts)) if number % 5 == 0 else AllOf(tuple(parts))
    return Rule(f"rule-{number}", "warning", None, combined)


def speech(random: np.random.Generator) -> Speech:
    """Return a condition that holds in some calls."""
    windows: list[tuple[Window, ...]] = [
        (),
        (Window(random.uniform(0, 1800), None, "seconds"),),
        (Window(0, random.uniform(10, 90), "percent"),),
        (Window(random.uniform(60, 600), 0, "seconds before the end"),),
    ]
    return Speech(
        emotions=(LABELS[random.integers(len(LABELS))],),
        probability=round(random.uniform(0.3, 0.9), 2) if random.random() < 0.5 else None,  # noqa: PLR2004
        count=int(random.integers(1, 40)),
        duration=int(random.integers(0, 10_000)),
        role=ROLES[random.integers(len(ROLES))] if random.random() < 0.7 else None,  # noqa: PLR2004
        windows=windows[random.integers(len(windows))],
    )


def live(rules: list[Rule], call: Timeline) -> list[float]:
    """Return the seconds that the watch of a stream takes for each segment."""
    watch = RuleWatch(rules)
    spoken = [(segment, channel) for channel in call.channels for segment in channel.segments]
    seconds = []
    for segment, channel in sorted(spoken, key=lambda pair: pair[0].end):
        start = time.process_time()
        watch.add(channel.channel, segment, role=channel.role)
        seconds.append(time.process_time() - start)
    return seconds


def measured(function: Callable[[], object]) -> float:
    """Return the seconds that a function takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    main()
