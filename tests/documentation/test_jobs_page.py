"""The statements of `docs/jobs.md` are correct, and its receiver distinguishes true from false callbacks."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from app.api.schemas import Callback, JobAnswer, WebhookAnswer
from app.jobs.backoff import PAUSES
from app.jobs.callbacks import CallbackPolicy, deliver
from app.jobs.job import State
from app.jobs.webhook import DeliveryState
from testing import local
from testing.recordings import ROOT
from testing.service import free_port

PAGE = (ROOT / "docs" / "jobs.md").read_text()
RECEIVER = ROOT / "examples" / "receive_callback.py"
SECRET = f"whsec_{'A' * 43}="
MESSAGE = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
def receiver() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", str(RECEIVER), str(port)]
    environment = {**os.environ, "CALLBACK_SECRET": SECRET}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/", process
        process.kill()


def test_the_receiver_accepts_only_signed_callbacks(receiver: tuple[str, subprocess.Popen[str]]) -> None:
    url, process = receiver
    for _ in range(2):  # a repeated delivery is printed only once
        assert deliver(url, "17", MESSAGE, CallbackPolicy({"": [SECRET]}, private=True)).status == 204
    other = CallbackPolicy({"": [f"whsec_{'E' * 43}="]}, private=True)
    assert deliver(url, "18", MESSAGE, other).status == 400
    assert local.post(url, content=MESSAGE).status_code == 400
    process.kill()
    assert process.stdout is not None
    data = json.loads(MESSAGE)["data"]
    assert process.stdout.read() == f"{data['id']} {data['state']}\n"


def test_the_page_contains_the_receiver_and_a_valid_message() -> None:
    assert RECEIVER.read_text() in PAGE
    Callback.model_validate_json(MESSAGE)


def test_the_page_lists_every_field_and_state() -> None:
    fields = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE))))
    assert set(JobAnswer.model_fields) - {"id"} <= fields
    assert WebhookAnswer.model_fields.keys() <= fields
    assert all(f"`{state}`" in PAGE for state in (*State, *DeliveryState))


def test_the_page_lists_every_pause_between_deliveries() -> None:
    listed = re.findall(r"(\d+) (s|min|h)\b", PAGE.partition("at once, then after")[2].partition(":")[0])
    seconds = {"s": 1, "min": 60, "h": 3600}
    assert [0, *(int(number) * seconds[unit] for number, unit in listed)] == list(PAUSES)
