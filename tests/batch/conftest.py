"""An archive of recordings."""

import os
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from testing.recordings import EXAMPLE, encode, speech
from tests.batch.archive import analyze


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of speech and of silence, a truncated recording, and a text file."""
    folder = tmp_path_factory.mktemp("archive") / "calls"
    (folder / "below").mkdir(parents=True)
    for name in ("03a01Fa", "03a01Nc", "03a01Wa"):
        (folder / f"{name}.wav").write_bytes(encode(speech(name)[:, np.newaxis], 16_000, "ULAW"))
    (folder / "below" / "stereo.WAV").write_bytes(
        encode(np.stack([speech("03a01Fa"), np.zeros_like(speech("03a01Fa"))], axis=1), 16_000, "PCM_16")
    )
    (folder / "silent.wav").write_bytes(encode(np.zeros((16_000, 1), np.float32)))
    (folder / "cut.wav").write_bytes(EXAMPLE.read_bytes()[:20_000])
    (folder / "notes.txt").write_text("none")
    return folder


@pytest.fixture(scope="package")
def environment(models_dir: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SER_MODELS_DIR": str(models_dir),
        "SER_DEFAULT_MODEL": "small",
        "SER_WORKERS": "2",
        "SER_HOST": "0.0.0.0",
    }


@pytest.fixture(scope="package")
def archive(environment: dict[str, str], folder: Path) -> tuple[Path, CompletedProcess[str]]:
    """The Parquet file of the folder, and the command that wrote it."""
    path = folder.with_name("out") / "archive.parquet"
    return path, analyze(environment, folder, "--output", path)
