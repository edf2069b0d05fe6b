"""Checks of the sessions of `benchmarks.live`. Each check prints its result."""

from collections import Counter
from collections.abc import Sequence

import httpx2

from benchmarks.live_calls import LiveCall
from benchmarks.live_client import Talk
from benchmarks.serving import RAW, TIMEOUT, Running
from benchmarks.soak import verdict

N_CHECKED = 5
"""The number of sessions whose timelines are compared with those of recordings."""
N_NAMED = 10
"""The number of late clients in a report."""


def all_complete(talks: Sequence[Talk]) -> bool:
    """Check that the service completed all sessions."""
    ends = Counter(one.end for one in talks if not one.complete)
    text = "".join(f", {count} × {end}" for end, count in ends.items())
    return verdict(f"{len(talks) - ends.total()} of {len(talks)} sessions complete{text}", passed=not ends)


def report_late_clients(talks: Sequence[Talk]) -> bool:
    """Report that the clients did not send at the same time, and by how much they were late.

    Returns:
        False, the result of the check.
    """
    delays = sorted(((one.delay, number) for number, one in enumerate(talks)), reverse=True)
    names = ", ".join(f"client {number} by {delay:.1f} s" for delay, number in delays[:N_NAMED])
    return verdict(
        f"{len(talks)} clients did not send at the same time, so nothing was measured. The latest: {names}. "
        "Give fewer --channels or more --seconds",
        passed=False,
    )


def latencies(call: LiveCall, one: Talk) -> list[float]:
    """Return the latency of each segment of a session, in seconds."""
    arrivals = [at for at, _ in one.of_type("segment")]
    return [at - one.sent[complete.message] for complete, at in zip(call.completions, arrivals, strict=False)]


def same_segments(calls: Sequence[LiveCall], talks: Sequence[Talk]) -> bool:
    """Check that the sessions have the segments of the detector without the service."""
    different = 0
    for call, one in zip(calls, talks, strict=True):
        spans = [(message["start"], message["end"]) for _, message in one.of_type("segment")]
        different += spans != [(complete.start, complete.end) for complete in call.completions]
    return verdict(f"{different} of {len(calls)} sessions with other segments", passed=not different)


def same_timelines(service: Running, calls: Sequence[LiveCall], talks: Sequence[Talk]) -> bool:
    """Check that some sessions have the timelines of recordings of the same samples."""
    url, equal = f"http://127.0.0.1:{service.port}/v1/audio/timeline", []
    for call, one in list(zip(calls, talks, strict=True))[:N_CHECKED]:
        answer = httpx2.post(url, content=call.wav(), headers=RAW, timeout=TIMEOUT).raise_for_status()
        summaries = [message["timeline"] for _, message in one.of_type("summary")]
        equal.append(summaries == [answer.json()])
    return verdict(
        f"{sum(equal)} of {len(equal)} summaries equal the timeline of a recording", passed=all(equal)
    )
