"""Two replicas behind nginx."""

import json
import os
import signal

import httpx2
import pytest

from rehearsal.conftest import Start
from rehearsal.load import load
from rehearsal.podman import podman
from rehearsal.stack import Stack, until
from testing.live_client import encoded
from testing.recordings import EXAMPLE

N_ANSWERS = 20
"""Enough requests before and after an event to reach both replicas."""


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run("scale", SER_LIVE_MAX_SPEED="1000")


def recognize(stack: Stack) -> httpx2.Response:
    return stack.post(f"{stack.balancer}/v1/audio/emotions", EXAMPLE.read_bytes())


def test_nginx_answers_with_both_replicas(stack: Stack) -> None:
    assert {recognize(stack).status_code for _ in range(10)} == {200}
    served = [podman("logs", "--tail", "100", name) for name in stack.containers("balancer")]
    addresses = {json.loads(line)["replicas"] for line in served[0].splitlines() if '"POST"' in line}
    assert len(addresses) == 2


def test_metrics_are_not_public(stack: Stack) -> None:
    assert stack.get(f"{stack.balancer}/metrics").status_code == 404


@pytest.mark.parametrize("service", ["service", "replica"])
def test_no_request_is_lost_when_a_replica_dies(stack: Stack, service: str) -> None:
    (name,) = stack.containers(service)
    before = stack.process(name)
    with load(lambda: recognize(stack)) as answers:
        until(lambda: answers.total() >= N_ANSWERS)
        os.kill(before, signal.SIGKILL)
        until(lambda: stack.process(name) not in {0, before})
        stack.wait()
        n_before = answers.total()
        until(lambda: answers.total() >= n_before + N_ANSWERS)
    assert set(answers) == {"200"}


def test_nginx_finds_a_replica_at_another_address(stack: Stack) -> None:
    (name,) = stack.containers("replica")
    with load(lambda: recognize(stack)) as answers:
        podman("stop", "--time", "60", name)
        podman("rm", name)
        stack.compose("up", "--detach", "--no-build", "--no-recreate")
        stack.wait()
        until(lambda: len(_addresses(stack)) == 2)
    assert set(answers) == {"200"}


def test_a_live_call_passes_nginx_and_gives_the_timeline_of_its_recording(stack: Stack) -> None:
    wav, samples = encoded()
    messages = stack.talk(samples)
    assert [messages[0]["type"], messages[-1]["type"]] == ["ready", "closed"]
    uploaded = stack.post(f"{stack.balancer}/v1/audio/timeline?roles=agent,customer", wav)
    (summary,) = [message for message in messages if message["type"] == "summary"]
    assert summary["timeline"]["channels"] == uploaded.json()["channels"]


def _addresses(stack: Stack) -> set[str]:
    """Return the addresses of the replicas of the last requests that nginx answered."""
    (balancer,) = stack.containers("balancer")
    lines = podman("logs", "--tail", "20", balancer).splitlines()
    return {json.loads(line)["replicas"] for line in lines if '"POST"' in line}
