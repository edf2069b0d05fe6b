"""A client of the jobs of a stack."""

from typing import Any

from rehearsal.stack import Stack
from testing.waiting import eventually

ENDED = {"succeeded", "failed", "cancelled"}


def submit(stack: Stack, recording: bytes) -> str:
    """Submit a job, and return its ID."""
    answer = stack.post(f"{stack.service}/v1/jobs", recording)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def find(stack: Stack, identifier: str) -> dict[str, Any]:
    """Return a job."""
    found: dict[str, Any] = stack.get(f"{stack.service}/v1/jobs/{identifier}").json()
    return found


def end(stack: Stack, identifier: str) -> dict[str, Any]:
    """Wait until a job has ended, and return it."""
    eventually(
        lambda: find(stack, identifier)["state"] in ENDED, 180, lambda: find(stack, identifier)["state"]
    )
    return find(stack, identifier)
