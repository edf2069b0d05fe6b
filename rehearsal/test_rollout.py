"""A bundle gets a share of the requests, goes forward and back, on two replicas under load."""

import time
from collections import Counter

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from rehearsal.load import load
from rehearsal.stack import SCRAPER, Stack, Start
from testing import local
from testing.waiting import eventually

OLD, NEW = "multilingual", "opensmile"
IN_PROGRESS = 6
"""More answers than requests can be in progress."""
N_ANSWERS = 40
"""Enough requests to reach both replicas, and both bundles."""


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run("scale")


def samples(stack: Stack, name: str) -> list[list[Sample]]:
    """Return the samples of a metric for each replica."""
    found = []
    for container in (*stack.containers("service"), *stack.containers("replica")):
        address = f"http://{stack.address(container)}/metrics"
        text = local.get(address, headers={"Authorization": f"Bearer {SCRAPER}"}).text
        families = text_string_to_metric_families(text)
        found.append([sample for family in families for sample in family.samples if sample.name == name])
    return found


def shares(stack: Stack) -> list[dict[str, float]]:
    """Return the share of each bundle as each replica has read it."""
    return [
        {sample.labels["model"]: round(sample.value, 3) for sample in replica}
        for replica in samples(stack, "ser_rollout_share")
    ]


def test_a_bundle_goes_forward_and_back_and_no_request_is_lost(stack: Stack) -> None:
    models = Counter[str]()

    def send() -> httpx2.Response:
        answer = stack.recognize()
        models[answer.json().get("model", "")] += 1
        return answer

    with load(send) as answers:

        def wait_for_answers(number: int) -> None:
            end = answers.total() + number
            eventually(lambda: answers.total() >= end, 60)

        def follow(step: list[str], expected: dict[str, float]) -> None:
            """Take a step, wait until both replicas follow, and count the models from then on."""
            stack.roll_out(*step)
            start = time.monotonic()
            eventually(lambda: shares(stack) == [expected] * 2, 10, lambda: shares(stack))
            print(f"{step[0]}: both replicas follow after {time.monotonic() - start:.1f} s")
            wait_for_answers(IN_PROGRESS)
            models.clear()
            wait_for_answers(N_ANSWERS)

        wait_for_answers(N_ANSWERS)
        assert set(models) == {OLD}
        follow(["start", NEW, "--share", "0.4", "--shadow", "1"], {OLD: 0.6, NEW: 0.4})
        assert set(models) == {OLD, NEW}
        follow(["forward"], {NEW: 1.0})
        assert set(models) == {NEW}
        follow(["back"], {OLD: 1.0})
        assert set(models) == {OLD}
    print(f"{answers.total()} requests: {dict(answers)}")
    assert set(answers) == {"200"}
    for replica in samples(stack, "ser_model_requests_total"):
        roles = {(sample.labels["model"], sample.labels["role"]) for sample in replica}
        assert roles == {(OLD, "stable"), (NEW, "candidate"), (NEW, "stable")}
    results = {
        sample.labels["result"] for replica in samples(stack, "ser_shadows_total") for sample in replica
    }
    assert results & {"agreed", "disagreed"}


def test_a_replica_that_starts_again_follows_the_rollout(stack: Stack) -> None:
    stack.roll_out("start", NEW, "--share", "0.4")
    stack.replace("replica")
    eventually(lambda: shares(stack) == [{OLD: 0.6, NEW: 0.4}] * 2, 10, lambda: shares(stack))
