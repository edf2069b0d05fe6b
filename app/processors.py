"""The processors that this process may use."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""The limits of the container (Linux, cgroups(7))."""


def usable_processors(cgroup: Path = CGROUP) -> int:
    """Return the number of processors of this process, of which its container may forbid a part.

    Args:
        cgroup: the folder of the limits.

    Returns:
        The processors of the CPU affinity, or the limit of processor time, rounded up, if it is lower.
    """
    return math.ceil(min(_limit(cgroup), len(os.sched_getaffinity(0))))


def _limit(cgroup: Path) -> float:
    """Return the processor time that the container may use in a second of time; infinite without a limit."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # version 2, version 1
        try:
            quota, period = " ".join((cgroup / file).read_text() for file in files).split()
        except OSError:
            continue
        if quota not in {"max", "-1"}:
            return int(quota) / int(period)
    return math.inf
