"""What several test files need."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests import bundles
from tests.recordings import ROOT, corpora

TrainEmodb = Callable[[Path, Path], Path]


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small bundles, `small` and `other`."""
    folder = tmp_path_factory.mktemp("models")
    bundles.write(folder, "small")
    bundles.write(folder, "other", "eGeMAPSv02")
    return folder


@pytest.fixture(scope="session")
def settings(models_dir: Path) -> Settings:
    """Those of a service with small bundles and tight limits."""
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
    """Trains on EMO-DB, in few folds and epochs, by the command line: (models, runs) → bundle."""

    def run(models: Path, runs: Path) -> Path:
        arguments = [sys.executable, "-m", "training", "train"]
        arguments += ["--name", "german", "--corpus", f"csv={corpora() / 'emodb' / 'utterances.csv'}"]
        arguments += ["--features", "emobase", "--folds", "3", "--max-epochs", "3"]
        arguments += ["--models", str(models), "--runs", str(runs), "--cache", str(feature_cache)]
        subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, text=True)
        return models / "german"

    return run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def german(tmp_path_factory: pytest.TempPathFactory, train_emodb: TrainEmodb, runs: Path) -> Path:
    """The bundle."""
    return train_emodb(tmp_path_factory.mktemp("models"), runs)
