"""The segments of a channel, adapted to its speaker."""

from collections.abc import Sequence

from app.core.pitch import Pitch
from app.core.segments import Span
from app.core.speaker import SpeakerScores, adapt
from app.core.timeline import Segment, is_decided
from app.pool.segment_tasks import RecognizedSegment


def adapted_segments(
    spans: Sequence[Span], answers: Sequence[RecognizedSegment], min_confidence: float
) -> tuple[Segment, ...]:
    """Build the segments of a channel, adapted to its speaker if the bundle adapts.

    Args:
        spans: the segments of the channel, in order.
        answers: the answer for each segment.
        min_confidence: the highest probability below which a segment is undecided.
    """
    scores = [
        SpeakerScores(answer.logits, answer.offsets)
        for answer in answers
        if answer.logits is not None and answer.offsets is not None
    ]
    probabilities = [answer.probabilities for answer in answers]
    if scores:
        adapted = adapt(scores).tolist()
        probabilities = [dict(zip(*pair, strict=True)) for pair in zip(probabilities, adapted, strict=True)]
    return tuple(
        Segment(
            span.start_seconds,
            span.end_seconds,
            of_labels,
            len(scores) or None,
            answer.loudness,
            None if answer.pitch is None else Pitch(*answer.pitch),
            decided=is_decided(of_labels, min_confidence),
        )
        for span, of_labels, answer in zip(spans, probabilities, answers, strict=True)
    )
