"""The service alone."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from rehearsal.images import SERVICE
from rehearsal.jobs import end, find, submit
from rehearsal.load import load
from rehearsal.podman import logs, podman
from rehearsal.stack import Stack, Start
from testing import keys, local
from testing.recordings import EXAMPLE, call
from testing.service import descendants, holds_recognizer
from testing.waiting import eventually

MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""The files of both versions of cgroups."""
CLIENTS = 8


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run(SER_JOBS="true")


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


def test_a_worker_has_its_sandbox_in_a_container(stack: Stack, container: str) -> None:
    def filters(process: int) -> int:
        status = Path(f"/proc/{process}/status").read_text()
        return int(status.partition("Seccomp_filters:")[2].split()[0])

    first = stack.process(container)
    workers = [process for process in descendants(first) if holds_recognizer(process)]
    assert workers
    assert all(filters(worker) > filters(first) for worker in workers)
    assert "no sandbox" not in logs(container)


@pytest.mark.parametrize(
    ("environment", "status", "reason"),
    [
        ([], 1, "SER_API_KEYS"),
        (["--env", f"SER_API_KEYS={keys.line('backend')}", "--env", "SER_JOBS=true"], 3, "SER_DATA_DIR"),
    ],
    ids=["no key", "jobs without a volume"],
)
def test_a_container_that_cannot_start_says_why(environment: list[str], status: int, reason: str) -> None:
    command = ["podman", "run", "--rm", "--read-only", "--tmpfs", "/tmp", *environment, SERVICE]  # noqa: S108  # nosec B108
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_job_survives_the_death_of_its_container(stack: Stack, container: str) -> None:
    identifier = submit(stack, call(60))
    eventually(lambda: find(stack, identifier)["state"] == "running")
    podman("kill", container)
    stack.replace("service")
    assert end(stack, identifier)["state"] == "succeeded"


def test_no_request_is_lost_when_the_container_stops(stack: Stack, container: str) -> None:
    address = f"{stack.service}/v1/audio/emotions"
    with load(lambda: stack.post(address, EXAMPLE.read_bytes()), CLIENTS) as answers:
        eventually(lambda: answers["200"] >= 2 * CLIENTS)
        podman("stop", "--time", "60", container)
    print(dict(answers))
    assert set(answers) == {"200", "ConnectError"}
    podman("start", container)
    stack.wait()


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
