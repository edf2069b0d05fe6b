"""Trace spans for the processing stages of a recording.

The instrumentation of FastAPI traces the request. The stages ran in another process. Therefore their spans
are created afterwards, in sequence, so that the last span ends now. Without the extra `tracing`, or with
SER_TRACING off, the OpenTelemetry API does nothing.
"""

from collections.abc import Mapping
from time import time_ns

from opentelemetry import trace

_NANOSECONDS = 1_000_000_000


def trace_stages(seconds: Mapping[str, float]) -> None:
    """Add a span for each stage to the trace of the current request.

    Args:
        seconds: the duration of each stage, in the order of the stages.
    """
    tracer = trace.get_tracer(__name__)
    started = time_ns() - int(sum(seconds.values()) * _NANOSECONDS)
    for stage, duration in seconds.items():
        ended = started + int(duration * _NANOSECONDS)
        tracer.start_span(stage, start_time=started).end(ended)
        started = ended
