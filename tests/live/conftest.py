from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import bundles
from testing.live_client import serving
from testing.service import Service


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that adapts to speakers."""
    return bundles.write(tmp_path_factory.mktemp("models"), inputs=("log_mel",), adapts=True)


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """A service with low limits."""
    with serving(
        folder, SER_LIVE_SESSIONS="3", SER_LIVE_IDLE_SECONDS="5", SER_MAX_CALL_SECONDS="60"
    ) as service:
        yield service
