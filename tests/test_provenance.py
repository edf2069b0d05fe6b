"""Metadata and versions, from a request to answers and webhooks, and never in logs, metrics or traces."""

import asyncio
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from app.core.bundle import read_bundle
from testing.live_client import START, STOP, address, encoded, exchange
from testing.receiver import SECRET as SIGNING_SECRET
from testing.receiver import Receiver, receiving
from testing.recordings import EXAMPLE, ROOT
from testing.service import Service, running
from testing.waiting import eventually
from tests.jobs.client import WAV, submit, until
from tests.test_bounds import Collector

VALUE, KEY = "metadata-value-4711", "metadata-key"
METADATA = {KEY: VALUE}
HEADER = {"Metadata": json.dumps(METADATA)}
AT_DEBUG = """
from app import logs

configuration = logs.configuration


def at_debug(log_format):
    config = configuration(log_format)
    config["root"]["level"] = "DEBUG"
    return config


logs.configuration = at_debug
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving(500, 204) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def traces() -> Iterator[str]:
    """The address of a collector of traces."""
    Collector.received = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def service(
    models_dir: Path,
    traces: str,
    tmp_path_factory: pytest.TempPathFactory,
    as_program: None,  # noqa: ARG001  # for `sitecustomize`
) -> Iterator[Service]:
    """A service with jobs and traces, whose log has all messages of all libraries."""
    folder = tmp_path_factory.mktemp("provenance")
    (folder / "sitecustomize.py").write_text(AT_DEBUG)
    with running(
        PYTHONPATH=os.pathsep.join([str(folder), str(ROOT)]),
        SER_MODELS_DIR=str(models_dir),
        SER_DEFAULT_MODEL="small",
        SER_WORKERS="1",
        SER_JOBS="true",
        SER_DATA_DIR=str(folder / "data"),
        SER_CALLBACK_SECRETS=SIGNING_SECRET,
        SER_CALLBACK_PRIVATE="true",
        SER_LIVE_MAX_SPEED="1000",
        SER_LOG_FORMAT="json",
        SER_TRACING="true",
        SER_SHUTDOWN_DELAY="0",
        OTEL_EXPORTER_OTLP_ENDPOINT=traces,
    ) as service:
        yield service


def data_of(receiver: Receiver, kind: str) -> dict[str, Any]:
    """Return the data of a webhook."""
    eventually(lambda: any(message["type"] == kind for message in receiver.verified))
    data: dict[str, Any] = next(one["data"] for one in receiver.verified if one["type"] == kind)
    return data


def test_a_job_and_its_webhook_repeat_the_metadata(service: Service, receiver: Receiver) -> None:
    job = submit(service, EXAMPLE.read_bytes(), f"?callback_url={receiver.url}", **HEADER).json()
    assert job["metadata"] == METADATA
    ended = until(service, job, "succeeded")
    assert (ended["metadata"], ended["result"]["metadata"]) == (METADATA, METADATA)
    (listed,) = httpx2.get(f"{service.url}/v1/jobs").json()["jobs"]
    assert listed["metadata"] == METADATA
    assert data_of(receiver, "job.succeeded")["metadata"] == METADATA
    other = {"Metadata": json.dumps({KEY: "other"}), "Idempotency-Key": "call-1"}
    submit(service, EXAMPLE.read_bytes(), **other)
    refused = submit(service, EXAMPLE.read_bytes(), **{**other, **HEADER})
    assert refused.json()["code"] == "idempotency-key-reused"


def test_a_live_session_repeats_the_metadata(service: Service, receiver: Receiver, models_dir: Path) -> None:
    _, raw = encoded()
    start = {**START, "metadata": METADATA, "keep": True, "callback": {"url": receiver.url}}
    messages, _ = asyncio.run(exchange(service, [start, raw, STOP]))
    assert messages[0]["model_version"] == read_bundle(models_dir / "small").manifest.version
    assert messages[-2]["timeline"]["metadata"] == METADATA
    assert data_of(receiver, "live.summary")["metadata"] == METADATA
    kept = until(service, {"id": messages[0]["session"]}, "succeeded")
    assert kept["metadata"] == METADATA


def test_the_options_of_a_platform_have_the_metadata_as_json(service: Service) -> None:
    first = {
        "callSid": "1",
        "sampleRate": 8000,
        "mixType": "mono",
        "metadata": {"metadata": json.dumps(METADATA)},
    }

    async def scenario() -> list[dict[str, Any]]:
        async with connect(address(service, "/v1/live/jambonz")) as socket:
            await socket.send(json.dumps(first))
            await socket.send(bytes(16_000))
            found: list[dict[str, Any]] = []
            while not found:
                found = (await asyncio.to_thread(httpx2.get, f"{service.url}/v1/live")).json()["sessions"]
            return found

    (session,) = asyncio.run(scenario())
    assert session["metadata"] == METADATA


@pytest.mark.parametrize(
    ("metadata", "limit"),
    [({KEY: VALUE * 20}, "at most 256 characters"), ({f"{VALUE} {KEY}": "a"}, "1 to 40 characters")],
)
def test_a_session_with_wrong_metadata_is_refused(
    service: Service, metadata: dict[str, str], limit: str
) -> None:
    messages, code = asyncio.run(exchange(service, [{**START, "metadata": metadata}]))
    assert (messages[-1]["problem"]["code"], code) == ("invalid-message", 4422)
    assert limit in messages[-1]["problem"]["detail"]
    assert VALUE not in messages[-1]["problem"]["detail"]


def test_models_name_the_version_of_answers(service: Service, models_dir: Path) -> None:
    models = httpx2.get(f"{service.url}/v1/models").json()["models"]
    for model in models:
        assert model["version"] == read_bundle(models_dir / model["name"]).manifest.version
        assert "files" not in model


def test_nothing_of_a_caller_is_in_a_log_line_metric_or_trace(service: Service) -> None:
    """The last test of this file: the log has the lines of all the others."""
    form = {"file": ("name-of-a-caller.wav", EXAMPLE.read_bytes(), "audio/wav")}
    headers = {"Authorization": "Bearer key-of-a-caller"}
    answer = httpx2.post(f"{service.url}/v1/audio/emotions", files=form, headers=headers, timeout=60).json()
    probabilities = [str(probability) for probability in answer["probabilities"].values()]
    assert max(map(len, probabilities)) > len("0.123")
    for path in ("emotions", "timeline"):
        for data in (EXAMPLE.read_bytes(), b"no sound"):
            httpx2.post(f"{service.url}/v1/audio/{path}", content=data, headers={**WAV, **HEADER}, timeout=60)
        wrong = {"Metadata": json.dumps({KEY: VALUE * 20})}
        httpx2.post(f"{service.url}/v1/audio/{path}", content=b"no sound", headers={**WAV, **wrong})
    metrics = httpx2.get(f"{service.url}/metrics").text
    service.process.terminate()
    assert service.end() == 0
    lines = [json.loads(line) for line in service.log.splitlines()]
    assert any(line["level"] == "DEBUG" for line in lines)
    assert Collector.received
    for text in (service.log, metrics, str(Collector.received)):
        found = {line["logger"] for line in lines if VALUE in json.dumps(line)}
        assert VALUE not in text, found
        assert KEY not in text
        assert "-of-a-caller" not in text
        assert not any(
            probability in text for probability in probabilities if len(probability) > len("0.123")
        )
