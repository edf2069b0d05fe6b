"""The rows of a channel: one for the channel, or one for each speaker if the speakers are separated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.calls.adapted import adapted_segments
from app.calls.options import CallOptions
from app.core.diarization import assign_speakers
from app.core.segments import Span, SpeechSegment, cut_segment
from app.core.speaker_encoder import Embedding
from app.core.timeline import ChannelTimeline
from app.pool.segment_tasks import RecognizedSegment, SegmentParts


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedPart:
    """A part of speech with one speaker, and its answer.

    Attributes:
        span: the part.
        answer: its answer, before any adaptation to the speaker.
        voice: the embedding of the voice; None if the speakers are not separated.
    """

    span: Span
    answer: RecognizedSegment
    voice: Embedding | None = None


class SegmentSource(Protocol):
    """The samples of a channel, which workers split and recognize."""

    async def split(self, segment: SpeechSegment) -> SegmentParts:
        """Find the parts of a segment with one speaker each."""

    async def recognize(self, segment: SpeechSegment) -> RecognizedSegment:
        """Recognize a segment."""


async def recognize_parts(
    source: SegmentSource, segment: SpeechSegment, *, split: bool
) -> list[RecognizedPart]:
    """Recognize a segment, or each of its parts with one speaker.

    Args:
        source: the samples of the channel.
        segment: the segment.
        split: whether to split the segment where the speaker changes.
    """
    if not split:
        return [RecognizedPart(segment.span, await source.recognize(segment))]
    first = segment.context.start
    found = (await source.split(segment)).parts
    parts = cut_segment(segment, [Span(first + start, first + end) for start, end, _ in found])
    return [
        RecognizedPart(part.span, await source.recognize(part), np.array(voice, np.float32))
        for part, (_, _, voice) in zip(parts, found, strict=True)
    ]


def runs_in(segment: SpeechSegment) -> tuple[tuple[int, int], ...]:
    """Return the runs of speech in a segment, in frames from the start of its context."""
    first = segment.context.start
    return tuple((run.start - first, run.end - first) for run in segment.spoken)


def rows_of(
    channel: int, parts: Sequence[RecognizedPart], options: CallOptions
) -> tuple[ChannelTimeline, ...]:
    """Build the rows of a channel, whose segments are adapted to their speakers.

    Args:
        channel: the index of the channel.
        parts: the speech of the channel, in order of time.
        options: the options of the analysis.

    Returns:
        One row; or one row for each speaker, in the order of their numbers, if there is speech.
    """
    if options.speakers is None or not parts:
        return (_row(channel, parts, options, None),)
    voices = [part.voice for part in parts if part.voice is not None]
    found = assign_speakers(voices, [part.span.seconds for part in parts], options.speakers)
    of_speakers: dict[int, list[RecognizedPart]] = {}
    for speaker, part in zip(_ordered(parts, found, options), parts, strict=True):
        of_speakers.setdefault(speaker, []).append(part)
    return tuple(_row(channel, own, options, speaker) for speaker, own in sorted(of_speakers.items()))


def _ordered(parts: Sequence[RecognizedPart], speakers: list[int], options: CallOptions) -> list[int]:
    """Number the speakers as the options say. They are in the order in which they first speak."""
    if options.speaker_order == "first":
        return speakers
    totals = np.bincount(speakers, [part.span.seconds for part in parts])
    ranks = np.argsort(np.argsort(-totals, kind="stable"), kind="stable")
    return [int(ranks[speaker]) for speaker in speakers]


def _row(
    channel: int, parts: Sequence[RecognizedPart], options: CallOptions, speaker: int | None
) -> ChannelTimeline:
    """Build one row."""
    segments = adapted_segments(
        [part.span for part in parts], [part.answer for part in parts], options.min_confidence
    )
    return ChannelTimeline(channel, segments, options.role_of(channel, speaker), speaker)
