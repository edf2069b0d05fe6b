"""Calls to analyze later, and services that do it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.recordings import encode, speech
from tests.service import Service, running


def call(repeats: int) -> bytes:
    """A stereo call of real speech, about four seconds for each repeat."""
    one, other = speech("03a01Fa"), speech("03a01Nc")
    pause = np.zeros(8_000, np.float32)
    agent = np.concatenate([one, pause, np.zeros_like(other), pause])
    customer = np.concatenate([np.zeros_like(one), pause, other, pause])
    return encode(np.tile(np.stack([agent, customer], axis=1), (repeats, 1)), 16_000, "ULAW")


@pytest.fixture(scope="package")
def short() -> bytes:
    return call(2)


@pytest.fixture(scope="package")
def long() -> bytes:
    """One that takes some seconds."""
    return call(60)


@pytest.fixture
def environment(models_dir: Path, tmp_path: Path) -> dict[str, str]:
    """Settings of a service that takes jobs."""
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
