"""Fixtures that several test files share."""

import csv
import fcntl
import gc
import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from app.main import create_app
from app.settings import Settings
from testing import bundles, launcher, service
from testing.recordings import ROOT, corpora

# Jobs need a database and allow one application per process. Only the tests of jobs turn jobs on.
os.environ["SER_JOBS"] = "false"

service.launch = launcher.launch

# Collection imports all packages, whose objects stay. The search for other objects took a tenth of its time.
gc.disable()

# The files of each of these folders share a browser, a service or a database. One process of xdist runs them.
SHARED = ("page", "live", "jobs", "clients")

# Paths that start like these run first, in this order: they take longest.
SLOWEST = (
    "page/",
    "live/",
    "jobs/",
    "training/test_train",
    "training/test_models",
    "contract/",
    "clients/",
    "training/",
    "batch/",
    "test_service",
    "test_shipped",
)


class UnitScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """The scheduling of xdist by file, but by folder for `SHARED`."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of the unit of a test. The tests of a unit run in one process, in order."""
        file: str = super()._split_scope(nodeid)
        return next((folder for folder in SHARED if file.startswith(f"tests/{folder}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> UnitScheduling:
    """Return the scheduling of the tests."""
    return UnitScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run short files last, so that all processes of xdist end at the same time."""
    items.sort(key=lambda item: _rank(item.path.relative_to(ROOT / "tests").as_posix()))


def pytest_collection_finish() -> None:
    """Let the garbage collector skip what the imports created."""
    gc.freeze()
    gc.enable()


def _rank(path: str) -> int:
    """Return the place of a file in `SLOWEST`."""
    return next((place for place, start in enumerate(SLOWEST) if path.startswith(start)), len(SLOWEST))


@pytest.fixture(scope="module")
def as_program() -> Iterator[None]:
    """The services of this file start as programs, as an operator starts them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "launch", service.run_program)
        yield


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
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of xdist share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def feature_cache(shared: Path) -> Path:
    """The cache of all trainings. Each file is written atomically, so all processes may write it."""
    return shared / "features"


@pytest.fixture(scope="session")
def few_voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of some utterances of three women and three men of EMO-DB, 116 of them with four emotions."""
    return some_of_emodb(tmp_path_factory.mktemp("few"), ("03", "08", "10", "11", "13", "16"), 5)


def some_of_emodb(folder: Path, speakers: Collection[str], n_utterances: int) -> Path:
    """Write a table of the first utterances of these speakers with each label, and return its path."""
    table, few = corpora() / "emodb" / "utterances.csv", folder / "emodb" / "utterances.csv"
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["speaker"].removeprefix("emodb-") in speakers]
    n_listed = Counter[tuple[str, str]]()
    few.parent.mkdir()
    with few.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            n_listed[row["speaker"], row["emotion"]] += 1
            if n_listed[row["speaker"], row["emotion"]] <= n_utterances:
                writer.writerow({**row, "path": str(table.parent / row["path"])})
    return few


@pytest.fixture(scope="session")
def training_of_german(few_voices: Path, feature_cache: Path) -> list[str]:
    """Arguments of a training with few folds and epochs, without the folders of bundles and of runs."""
    arguments = ["train", "--name", "german", "--corpus", f"csv={few_voices}", "--features", "emobase"]
    arguments += ["--model", "cnn", "--folds", "2", "--max-epochs", "2", "--cache", str(feature_cache)]
    return [*arguments, "--test-conditions", "telephone", "--calls", "telephone"]


@pytest.fixture(scope="module")
def unoptimized_graphs() -> Iterator[None]:
    """Let TensorFlow run graphs without optimizing them, which takes longer than the few steps of a test."""
    import tensorflow as tf  # noqa: PLC0415  # takes seconds; most test files do not need it

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})


@pytest.fixture(scope="session")
def runs(shared: Path) -> Path:
    """The folder with the run of `german`."""
    return shared / "runs"


@pytest.fixture(scope="session")
def german(shared: Path, runs: Path, training_of_german: list[str]) -> Path:
    """The bundle of `training_of_german`, which the first process that needs it trains."""
    from training.__main__ import main  # noqa: PLC0415  # takes seconds; most test files do not need it

    bundle = shared / "models" / "german"
    with (shared / "german.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not bundle.exists():
            folders = ["--models", str(bundle.parent), "--runs", str(runs)]
            assert main([*training_of_german, *folders]) == 0
    return bundle
