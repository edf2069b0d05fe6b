"""The service alone."""

import json
import os
import signal

import pytest

from rehearsal.podman import podman
from rehearsal.stack import Stack, Start
from testing import local
from testing.recordings import EXAMPLE
from testing.waiting import eventually

MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""The files of both versions of cgroups."""


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run()


@pytest.fixture(scope="module")
def container(stack: Stack) -> str:
    (name,) = stack.containers()
    return name


def test_a_recording_is_answered_only_with_a_key(stack: Stack) -> None:
    answer = stack.post(f"{stack.service}/v1/audio/emotions", EXAMPLE.read_bytes())
    assert answer.status_code == 200
    assert answer.json()["model"] == "multilingual"
    refused = local.post(f"{stack.service}/v1/audio/emotions", content=EXAMPLE.read_bytes())
    assert refused.status_code == 401


@pytest.mark.usefixtures("stack")
def test_the_container_has_no_rights_that_it_does_not_need(container: str) -> None:
    status = podman("exec", container, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {"10001"}
    assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert fields["NoNewPrivs"] == "1"
    for path in ("/file", "/srv/speech-emotion/file", "/models/file", "/opt/venv/file"):
        refused = podman("exec", container, "sh", "-c", f"echo > {path} || echo refused", check=False)
        assert refused == "refused", path


@pytest.mark.usefixtures("stack")
def test_the_limits_of_the_container_are_in_force(container: str) -> None:
    (inspected,) = json.loads(podman("inspect", container))
    limits = inspected["HostConfig"]
    in_force = podman("exec", container, "sh", "-c", f"cat {' || cat '.join(MEMORY_LIMITS)}")
    assert int(in_force) == limits["Memory"]
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (7 * 2**30, 2_000_000_000, 128)


def test_a_killed_service_starts_again(stack: Stack, container: str) -> None:
    before = stack.process(container)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: stack.process(container) not in {0, before})
    stack.wait()
    assert stack.post(f"{stack.service}/v1/audio/emotions", EXAMPLE.read_bytes()).status_code == 200


def test_the_service_ends_by_itself_after_sigterm(stack: Stack, container: str) -> None:
    podman("stop", "--time", "60", container)
    assert podman("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    assert stack.health() == {container: "exited"}
