"""What a recording waited and worked for, as spans of its request's trace.

FastAPI traces the request. The stages ran in another process, so that their spans are made
afterwards, one after the other up to now. Without the extra `tracing`, or with SER_TRACING off,
OpenTelemetry's API does nothing.
"""

from collections.abc import Mapping
from time import time_ns

from opentelemetry import trace

_NANOSECONDS = 1_000_000_000


def trace_stages(seconds: Mapping[str, float]) -> None:
    """Add a span for each stage to the trace of this request.

    Args:
        seconds: that each took, in their order.
    """
    tracer = trace.get_tracer(__name__)
    started = time_ns() - int(sum(seconds.values()) * _NANOSECONDS)
    for stage, duration in seconds.items():
        ended = started + int(duration * _NANOSECONDS)
        tracer.start_span(stage, start_time=started).end(ended)
        started = ended
