"""A client of the endpoints of jobs."""

from functools import partial
from typing import Any

from testing import local
from testing.waiting import eventually

ENDED = {"succeeded", "failed", "cancelled"}
WAV = {"Content-Type": "audio/wav"}

until = partial(eventually, seconds=900)


def timeline(url: str, recording: bytes) -> dict[str, Any]:
    """Return the timeline of a call, from the synchronous endpoint."""
    answer = local.post(f"{url}/v1/audio/timeline", content=recording, headers=WAV, timeout=120)
    analyzed: dict[str, Any] = answer.raise_for_status().json()
    return analyzed


def submit(url: str, recording: bytes, key: str = "", callback: str = "") -> str:
    """Submit a job, and return its ID.

    Raises:
        KeyError: the service rejected the job.
    """
    headers = {**WAV, **({"Idempotency-Key": key} if key else {})}
    params = {"callback_url": callback} if callback else {}
    answer = local.post(f"{url}/v1/jobs", params=params, content=recording, headers=headers, timeout=60)
    return str(answer.json()["id"])


def find(url: str, job: str) -> dict[str, Any]:
    """Return the state of a job."""
    answer: dict[str, Any] = local.get(f"{url}/v1/jobs/{job}", timeout=30).json()
    return answer
