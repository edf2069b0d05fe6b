"""Fixtures that several test files share."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from testing import bundles
from testing.recordings import ROOT, corpora

# Jobs need a database and allow one application per process. Only the tests of jobs turn jobs on.
os.environ["SER_JOBS"] = "false"

# Paths that start like these run first, in this order: they take longest.
SLOWEST = (
    "training/test_train",
    "training/test_models",
    "contract/test_parity",
    "jobs/",
    "batch/",
    "training/",
    "test_service",
    "test_shipped",
    "page/",
    "live/",
    "clients/",
)
TrainEmodb = Callable[[Path, Path], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run short files last, so that both processes of xdist end at the same time."""
    items.sort(key=lambda item: _rank(item.path.relative_to(ROOT / "tests").as_posix()))


def _rank(path: str) -> int:
    """Return the place of a file in `SLOWEST`."""
    return next((place for place, start in enumerate(SLOWEST) if path.startswith(start)), len(SLOWEST))


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small bundles, `small` and `other`."""
    folder = tmp_path_factory.mktemp("models")
    bundles.write(folder, "small")
    bundles.write(folder, "other", "eGeMAPSv02")
    return folder


@pytest.fixture(scope="session")
def settings(models_dir: Path) -> Settings:
    """Settings of a service with small bundles and low limits."""
    return Settings(
        models_dir=models_dir,
        default_model="small",
        workers=2,
        max_upload_bytes=1_000_000,
        max_utterance_seconds=10,
    )


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of a service that is ready."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def train_emodb(feature_cache: Path) -> TrainEmodb:
    """Train on EMO-DB with few folds and epochs, by the command line: (models, runs) → bundle."""

    def run(models: Path, runs: Path) -> Path:
        table = corpora() / "emodb" / "utterances.csv"
        arguments = ["--name", "german", "--corpus", f"csv={table}", "--features", "emobase"]
        arguments += ["--model", "cnn", "--folds", "3", "--max-epochs", "3"]
        arguments += ["--test-conditions", "telephone", "--calls", "telephone"]
        train(*arguments, "--models", str(models), "--runs", str(runs), "--cache", str(feature_cache))
        return models / "german"

    return run


def train(*arguments: str) -> None:
    command = [sys.executable, "-m", "training", "train", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def german(tmp_path_factory: pytest.TempPathFactory, train_emodb: TrainEmodb, runs: Path) -> Path:
    """The bundle that `train_emodb` writes."""
    return train_emodb(tmp_path_factory.mktemp("models"), runs)


@pytest.fixture(scope="session")
def few_voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of the utterances of six speakers of EMO-DB: three women and three men."""
    table = corpora() / "emodb" / "utterances.csv"
    with table.open(newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if row["speaker"][-2:] in {"03", "08", "10", "11", "13", "16"}
        ]
    few = tmp_path_factory.mktemp("emodb") / "utterances.csv"
    with few.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "path": str(table.parent / row["path"])} for row in rows)
    return few
