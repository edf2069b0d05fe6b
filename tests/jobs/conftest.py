"""Recordings of calls, and a service that analyzes them as jobs."""

from pathlib import Path

import pytest

from testing.recordings import call


@pytest.fixture(scope="package")
def short() -> bytes:
    return call(2)


@pytest.fixture(scope="package")
def long() -> bytes:
    """A call whose analysis by one worker takes some seconds."""
    return call(40)


@pytest.fixture
def environment(models_dir: Path, tmp_path: Path) -> dict[str, str]:
    """Settings of a service that runs jobs, in a folder of the test."""
    return settings_of_jobs(models_dir, tmp_path)


@pytest.fixture(scope="module")
def module_environment(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of a service that runs jobs, in a folder of the module."""
    return settings_of_jobs(models_dir, tmp_path_factory.mktemp("jobs"))


def settings_of_jobs(models_dir: Path, folder: Path) -> dict[str, str]:
    return {
        "SER_MODELS_DIR": str(models_dir),
        "SER_DEFAULT_MODEL": "small",
        "SER_WORKERS": "1",
        "SER_SHUTDOWN_DELAY": "0",
        "SER_JOBS": "true",
        "SER_DATA_DIR": str(folder / "data"),
    }
