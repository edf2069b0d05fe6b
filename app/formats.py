"""A timeline as text: JSON, a CSV table, a TextGrid that Praat opens."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from praatio import textgrid

from app.api.schemas import TimelineAnswer


def as_json(name: str, answer: TimelineAnswer) -> str:
    """What the service answers, with the name of the file, on a line."""
    return json.dumps({"file": name, **answer.model_dump()}) + "\n"


def as_csv(name: str, answer: TimelineAnswer, labels: Sequence[str], *, header: bool = True) -> str:
    """A row for each segment: file, channel, start, end (seconds), emotion, a column for each label.

    Args:
        name: of the file.
        answer: what was heard in it.
        labels: of the model.
        header: whether the names of the columns come first.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    if header:
        writer.writerow(["file", "channel", "start", "end", "emotion", *labels])
    for channel in answer.channels:
        for segment in channel.segments:
            probabilities = (segment.probabilities[label] for label in labels)
            writer.writerow(
                [name, channel.channel, segment.start, segment.end, segment.emotion, *probabilities]
            )
    return table.getvalue()


def as_textgrid(answer: TimelineAnswer) -> str:
    """A tier for each channel, an interval for each segment, its emotion the text."""
    grid = textgrid.Textgrid(0, answer.duration)
    for channel in answer.channels:
        intervals = [(segment.start, segment.end, segment.emotion) for segment in channel.segments]
        grid.addTier(textgrid.IntervalTier(f"channel {channel.channel}", intervals, 0, answer.duration))
    with TemporaryDirectory() as folder:  # the library writes files only
        path = Path(folder) / "timeline.TextGrid"
        grid.save(str(path), format="long_textgrid", includeBlankSpaces=True)
        return path.read_text(encoding="utf-8")
