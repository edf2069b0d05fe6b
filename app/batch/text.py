"""The text formats of a timeline: JSON, CSV, and TextGrid for Praat."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from praatio import textgrid

from app.answers import TimelineAnswer
from app.core.manifest import UNDECIDED


def as_json(name: str, answer: TimelineAnswer) -> str:
    """Format the answer of the service and the name of the file as one line of JSON."""
    return json.dumps({"file": name, **answer.model_dump()}) + "\n"


def as_csv(name: str, answer: TimelineAnswer, labels: Sequence[str], *, header: bool = True) -> str:
    """Format one row per segment: file, channel, speaker, role, start, end (s), emotion, and each label.

    The emotion of an undecided segment is empty. So are the speaker and the role if there are none.

    Args:
        name: the name of the file.
        answer: the timeline of the file.
        labels: the labels of the model.
        header: whether the first row has the names of the columns.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    if header:
        writer.writerow(["file", "channel", "speaker", "role", "start", "end", "emotion", *labels])
    for channel in answer.channels:
        for segment in channel.segments:
            probabilities = (segment.probabilities[label] for label in labels)
            row = [name, channel.channel, channel.speaker, channel.role]
            writer.writerow([*row, segment.start, segment.end, segment.emotion, *probabilities])
    return table.getvalue()


def as_textgrid(answer: TimelineAnswer) -> str:
    """Format one tier per channel or speaker, with one interval per segment and its emotion as the text."""
    grid = textgrid.Textgrid(0, answer.duration)
    for channel in answer.channels:
        intervals = [
            (segment.start, segment.end, segment.emotion or UNDECIDED) for segment in channel.segments
        ]
        speaker = "" if channel.speaker is None else f" speaker {channel.speaker}"
        name = f"channel {channel.channel}{speaker}"
        grid.addTier(textgrid.IntervalTier(name, intervals, 0, answer.duration))
    with TemporaryDirectory() as folder:  # the library writes files only
        path = Path(folder) / "timeline.TextGrid"
        grid.save(str(path), format="long_textgrid", includeBlankSpaces=True)
        return path.read_text(encoding="utf-8")
