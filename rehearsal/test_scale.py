"""Two replicas behind nginx."""

import asyncio
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.asyncio.client import connect
from websockets.frames import CloseCode

from rehearsal.load import load
from rehearsal.podman import podman
from rehearsal.stack import Stack, Start
from testing.live_client import START, Message, encoded, received
from testing.recordings import call
from testing.waiting import eventually

N_ANSWERS = 20
"""Enough requests before and after an event to reach both replicas."""


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run("scale", SER_LIVE_MAX_SPEED="1000")


def test_nginx_answers_with_both_replicas(stack: Stack) -> None:
    assert {stack.recognize().status_code for _ in range(10)} == {200}
    replicas = (*stack.containers("service"), *stack.containers("replica"))
    assert {stack.address(name) for name in replicas} <= _addresses(stack)


def test_metrics_are_not_public(stack: Stack) -> None:
    assert stack.get(f"{stack.balancer}/metrics").status_code == 404


@pytest.mark.parametrize("service", ["service", "replica"])
def test_no_request_is_lost_when_a_replica_dies(stack: Stack, service: str) -> None:
    (name,) = stack.containers(service)
    before = stack.process(name)
    with load(stack.recognize) as answers:
        eventually(lambda: answers.total() >= N_ANSWERS)
        os.kill(before, signal.SIGKILL)
        eventually(lambda: stack.process(name) not in {0, before})
        stack.wait()
        n_before = answers.total()
        eventually(lambda: answers.total() >= n_before + N_ANSWERS)
    assert set(answers) == {"200"}


def test_nginx_finds_a_replica_at_another_address(stack: Stack) -> None:
    (name,) = stack.containers("replica")
    with load(stack.recognize) as answers:
        before = stack.address(name)
        stack.replace("replica")
        after = stack.address(name)
        assert after != before
        eventually(lambda: after in _addresses(stack))
    assert set(answers) == {"200"}


def test_a_replica_that_stops_completes_its_calls(stack: Stack) -> None:
    (name,) = stack.containers("service")
    recording, address = call(60), f"{stack.balancer}/v1/audio/timeline"
    with ThreadPoolExecutor(4) as clients:
        calls = [clients.submit(stack.post, address, recording) for _ in range(4)]
        time.sleep(1)
        assert not any(one.done() for one in calls)
        podman("stop", "--time", "120", name)
        assert {one.result().status_code for one in calls} == {200}
    assert podman("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
    podman("start", name)
    stack.wait()


def test_a_replica_that_stops_ends_its_live_calls_with_their_summary(stack: Stack) -> None:
    (name,) = stack.containers("service")

    async def interrupted() -> tuple[list[Message], int | None]:
        address = f"{stack.service}/v1/audio/live".replace("http", "ws")
        async with connect(address, additional_headers=stack.authorization) as socket:
            await socket.send(json.dumps(START))
            await socket.send(encoded()[1])
            await asyncio.to_thread(podman, "stop", "--time", "60", name)
            return await received(socket), socket.close_code

    messages, close_code = asyncio.run(interrupted())
    assert close_code == CloseCode.SERVICE_RESTART
    assert "summary" in {message["type"] for message in messages}
    # The other replica takes the next session at once.
    assert stack.talk(encoded()[1])[-1]["type"] == "closed"
    podman("start", name)
    stack.wait()


def test_a_live_call_passes_nginx_and_gives_the_timeline_of_its_recording(stack: Stack) -> None:
    wav, samples = encoded()
    messages = stack.talk(samples)
    assert [messages[0]["type"], messages[-1]["type"]] == ["ready", "closed"]
    uploaded = stack.post(f"{stack.balancer}/v1/audio/timeline?roles=agent,customer", wav)
    (summary,) = [message for message in messages if message["type"] == "summary"]
    assert summary["timeline"]["channels"] == uploaded.json()["channels"]


def test_the_connections_of_a_call_reach_the_same_replica(stack: Stack) -> None:
    """nginx knows one name for all replicas here, and one address for each in `tests/deploy`."""

    async def continued(call: int) -> bool:
        address = f"{stack.balancer}/v1/audio/live?call={call}".replace("http", "ws")
        socket = await connect(address, additional_headers=stack.authorization)
        await socket.send(json.dumps(START))
        session = json.loads(await socket.recv())["session"]
        socket.transport.abort()
        async with connect(address, additional_headers=stack.authorization) as socket:
            await socket.send(json.dumps({"type": "reconnect", "session": session}))
            return bool(json.loads(await socket.recv())["type"] == "ready")

    assert all(asyncio.run(continued(call)) for call in range(N_ANSWERS))


def _addresses(stack: Stack) -> set[str]:
    """Return the addresses that have answered a request."""
    answered = ("POST", "200")
    return {line["replicas"] for line in stack.requests() if (line["method"], line["statuses"]) == answered}
