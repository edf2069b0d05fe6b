"""The counters that live sessions use."""

from collections.abc import Sequence
from typing import Protocol

from app.answers import AlertAnswer
from app.core.timeline import Timeline


class LiveCounts(Protocol):
    """The counters of a service."""

    def count_live_segment(self, seconds: float) -> None:
        """Count a segment by the time from its last message to its answer, in seconds."""

    def count_live_audio(self, protocol: str, seconds: float, lag: float) -> None:
        """Count received audio: its duration, and the time until its speech was detected, in seconds."""

    def count_alerts(self, alerts: Sequence[AlertAnswer]) -> None:
        """Count the alerts of an ended stream."""

    def count_timeline(self, model: str, timeline: Timeline) -> None:
        """Count the answers of an ended stream."""
