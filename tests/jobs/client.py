"""A client that submits jobs and waits for them."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from dbos import DBOSClient, DBOSPortableJSONSerializer

from testing import local
from testing.service import Service

WAV = {"Content-Type": "audio/wav"}
Answer = dict[str, Any]


def submit(service: Service, recording: bytes, query: str = "", **headers: str) -> httpx2.Response:
    return local.post(
        f"{service.url}/v1/jobs{query}", content=recording, headers={**WAV, **headers}, timeout=60
    )


def find(service: Service, job: Answer, **headers: str) -> httpx2.Response:
    return local.get(f"{service.url}/v1/jobs/{job['id']}", headers=headers)


def until(service: Service, job: Answer, *states: str, **headers: str) -> Answer:
    """Wait until a job has one of the given states, and return the job."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        answer: Answer = find(service, job, **headers).json()
        if answer["state"] in states:
            return answer
        time.sleep(0.1)
    pytest.fail(f"the job stayed {answer}")


def database_client(environment: Mapping[str, str]) -> DBOSClient:
    """Return a client of the database, which stores the callbacks of a job."""
    url = f"sqlite:///{Path(environment['SER_DATA_DIR']) / 'jobs.sqlite'}"
    return DBOSClient(system_database_url=url, serializer=DBOSPortableJSONSerializer())
