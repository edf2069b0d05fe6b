"""Recordings of calls, and a service that analyzes them as jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.recordings import call
from testing.service import Service, running


@pytest.fixture(scope="package")
def short() -> bytes:
    return call(2)


@pytest.fixture(scope="package")
def long() -> bytes:
    """A call whose analysis takes some seconds."""
    return call(60)


@pytest.fixture
def environment(models_dir: Path, tmp_path: Path) -> dict[str, str]:
    """Settings of a service that runs jobs."""
    return {
        "SER_MODELS_DIR": str(models_dir),
        "SER_DEFAULT_MODEL": "small",
        "SER_WORKERS": "2",
        "SER_SHUTDOWN_DELAY": "0",
        "SER_JOBS": "true",
        "SER_DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[Service]:
    with running(**environment) as service:
        yield service
