"""Calls built by hand, and archives of them as the batch command writes them."""

from collections.abc import Mapping
from pathlib import Path

from app.answers import TimelineAnswer
from app.batch.metadata import FileMetadata
from app.batch.parquet import ParquetOutput
from app.batch.sources import Source
from app.calls.options import CallOptions
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.rule import Alert

LABELS = ("anger", "neutral")

Stretch = tuple[float, float, float]
"""The start, the end and the probability of anger of a segment."""


def call(*channels: list[Stretch], alerts: tuple[str, ...] = (), duration: float = 60.0) -> TimelineAnswer:
    """A call with the segments of each channel."""
    timelines = (
        ChannelTimeline(
            index,
            tuple(Segment(start, end, {"anger": p, "neutral": 1 - p}) for start, end, p in segments),
        )
        for index, segments in enumerate(channels)
    )
    found = [Alert(rule, "critical", None, 1.0, 2.0, 0, None, None) for rule in alerts]
    return TimelineAnswer.of("small", "9f2c", Timeline(duration, tuple(timelines)), CallOptions(), found)


def write(
    path: Path,
    calls: Mapping[str, TimelineAnswer | str],
    metadata: Mapping[str, dict[str, str]] | None = None,
) -> Path:
    """Write an archive."""
    sources = {name: Source(name, "1") for name in calls}
    output = ParquetOutput(path, list(sources.values()), LABELS, "", FileMetadata(metadata or {}))
    for name, answer in calls.items():
        output.add(sources[name], answer)
    output.finish()
    return path
