"""The changes of speaker inside a segment of speech.

A segment may contain several speakers, because people answer within a fraction of a second. The segment is
cut at a short pause, and a long run of speech also without one, if the voices before and after differ. The
decision uses the segment alone, so that a live stream has the same parts as its recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.core.audio import Signal
from app.core.log_mel import HOP
from app.core.segments import FRAME, Span
from app.core.speaker_encoder import Embedding, SpeakerEncoder

PAUSE = 0.08
"""Seconds of silence at which the speaker may change. Not tuned."""

SHORTEST = 0.3
"""Seconds of speech below which a voice is unreliable, so that the speech belongs to the nearest neighbor.
Not tuned."""

LONG, PIECE = 4.0, 2.0
"""Seconds from which a run of speech may hide a change without a pause, and seconds of the pieces into which
it is cut; see `docs/experiments.md`, "Parts and groups"."""

SIMILAR = 0.85
"""The cosine of two embeddings from which two neighboring parts have one speaker; see `docs/experiments.md`,
"Parts and groups"."""


@dataclass(frozen=True, slots=True)
class SpeakerPart:
    """A part of a segment with one speaker.

    Attributes:
        span: the part.
        voice: its embedding, float32, shape (256,), of length 1.
    """

    span: Span
    voice: Embedding


def find_parts(signal: Signal, spoken: Sequence[Span], encoder: SpeakerEncoder) -> list[SpeakerPart]:
    """Cut a segment where the speaker changes.

    Args:
        signal: the segment with its context, one channel, at 16 kHz.
        spoken: the runs of speech in the segment, in frames from the start of the signal, at least one.
        encoder: the encoder of the voices.

    Returns:
        The parts, in order, at least one.
    """
    parts = [
        SpeakerPart(span, _embed(signal, span, encoder)) for run in _joined(spoken) for span in _pieces(run)
    ]
    while len(parts) > 1:
        similarities = [float(one.voice @ other.voice) for one, other in pairwise(parts)]
        place = int(np.argmax(similarities))
        if similarities[place] < SIMILAR:
            break
        parts[place : place + 2] = [_merged(parts[place], parts[place + 1])]
    return parts


def _joined(spoken: Sequence[Span]) -> list[Span]:
    """Join runs of speech that are too close or too short to have different speakers."""
    spans = list(spoken)
    while len(spans) > 1:
        gaps = [after.start - before.end for before, after in pairwise(spans)]
        short = [
            min(gaps[place] for place in (index - 1, index) if 0 <= place < len(gaps))
            for index, span in enumerate(spans)
            if span.seconds < SHORTEST
        ]
        smallest = min([*short, *(gap for gap in gaps if gap * FRAME < PAUSE)], default=None)
        if smallest is None:
            break
        place = gaps.index(smallest)
        spans[place : place + 2] = [Span(spans[place].start, spans[place + 1].end)]
    return spans


def _pieces(run: Span) -> list[Span]:
    """Cut a long run of speech into equal pieces."""
    n_pieces = int(run.seconds / PIECE) if run.seconds >= LONG else 1
    places = np.linspace(run.start, run.end, n_pieces + 1).astype(int).tolist()
    return [Span(start, end) for start, end in pairwise(places)]


def _embed(signal: Signal, span: Span, encoder: SpeakerEncoder) -> Embedding:
    """Compute the embedding of a span."""
    samples = signal.samples[:, span.start * HOP : span.end * HOP]
    return encoder.embed(Signal(samples, signal.sampling_rate))


def _merged(one: SpeakerPart, other: SpeakerPart) -> SpeakerPart:
    """Join two neighboring parts, and weight their voices by duration."""
    voice = len(one.span) * one.voice + len(other.span) * other.voice
    span = Span(one.span.start, other.span.end)
    return SpeakerPart(span, np.asarray(voice / np.linalg.norm(voice), np.float32))
