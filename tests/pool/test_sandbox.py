"""A worker gives up what no task needs."""

import json
import subprocess
import sys

import pytest

from testing import bundles
from testing.recordings import ROOT


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run forbidden tasks in a pool, and return the result of each."""
    bundle = bundles.write(tmp_path_factory.mktemp("models"))
    folder = tmp_path_factory.mktemp("target")
    (folder / "existing").write_text("untouched")
    command = [sys.executable, "-m", "tests.pool.hostile", str(bundle), str(folder)]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("existing", "untouched")]
    found: dict[str, str] = json.loads(completed.stdout)
    return found


def test_a_worker_that_tries_what_it_must_not_do_dies_and_is_replaced(results: dict[str, str]) -> None:
    memory = results.pop("memory")
    assert set(results.values()) == {"WorkerLost, 1 replaced"}, results
    assert memory.endswith("MemoryError")
