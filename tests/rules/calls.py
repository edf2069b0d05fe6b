"""Calls built by hand, and rules written in the language of the file."""

from pathlib import Path
from typing import Any

import yaml

from app.core.channels import ChannelPolicy
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.reader import read_rules
from app.rules.rule import Rule
from testing.bundles import LABELS

UNDECIDED: Any = type("Undecided", (Segment,), {"emotion": None})
"""A segment whose probabilities are too close for an emotion."""


def segment(start: float, end: float, emotion: str, probability: float = 0.8) -> Segment:
    """Return a segment with the probability of an emotion; all others have the same."""
    others = [label for label in LABELS if label != emotion]
    return Segment(
        start, end, {emotion: probability, **dict.fromkeys(others, (1 - probability) / len(others))}
    )


def call(duration: float, **segments: list[Segment]) -> Timeline:
    """Return a call with one channel for each role."""
    channels = (
        ChannelTimeline(number, tuple(own), role) for number, (role, own) in enumerate(segments.items())
    )
    return Timeline(duration, tuple(channels))


def rules_of(folder: Path, *conditions: str, policy: ChannelPolicy | None = None) -> tuple[Rule, ...]:
    """Return a rule for each condition, named by its number."""
    rules = [
        {"name": f"rule-{number}", "when": yaml.safe_load(condition)}
        for number, condition in enumerate(conditions)
    ]
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"rules": rules}))
    return read_rules(path, LABELS, policy or ChannelPolicy())
