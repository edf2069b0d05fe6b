"""An upgrade from an older image with jobs in flight, and the way back."""

import secrets

import pytest

from rehearsal import images
from rehearsal.jobs import ENDED, end, find, submit
from rehearsal.load import load
from rehearsal.podman import podman
from rehearsal.stack import Stack, Start
from testing.recordings import EXAMPLE, call
from testing.waiting import eventually

OLDER = "afb6d9f"
"""A revision of November 26, 2026, because nothing has been released yet."""
OLD_IMAGE = "speech-emotion:older"


@pytest.fixture(scope="module")
def stack(run: Start, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    source = tmp_path_factory.mktemp("revision") / "source"
    images.build_revision(OLDER, OLD_IMAGE, source)
    jobs = {"SER_JOBS": "true", "JOBS_PASSWORD": secrets.token_hex(24)}
    # The older image does not know the format of today's bundles.
    return run("scale", "jobs", IMAGE_TAG="older", MODELS=str(source / "models"), **jobs)


@pytest.mark.parametrize("tag", ["rehearsal", "older"])
def test_a_change_of_the_image_loses_no_request_and_no_job(stack: Stack, tag: str) -> None:
    recording = call(60)
    identifiers = [submit(stack, recording) for _ in range(3)]
    eventually(lambda: find(stack, identifiers[0])["state"] in {"running", *ENDED})
    stack.set("IMAGE_TAG", tag)
    utterance = EXAMPLE.read_bytes()
    with load(lambda: stack.post(f"{stack.balancer}/v1/audio/emotions", utterance)) as answers:
        for service in ("replica", "service", "worker"):
            stack.replace(service)
        n_before = answers.total()
        eventually(lambda: answers.total() >= n_before + 20)
    assert set(answers) == {"200"}
    assert {end(stack, identifier)["state"] for identifier in identifiers} == {"succeeded"}
    for service in ("replica", "service", "worker"):
        (name,) = stack.containers(service)
        assert podman("inspect", "--format", "{{.ImageName}}", name) == f"localhost/speech-emotion:{tag}"
