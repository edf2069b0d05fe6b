"""An archive of recordings."""

import os
from pathlib import Path

import numpy as np
import pytest

from testing.recordings import EXAMPLE, encode, speech


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with recordings of speech and of silence, a truncated recording, and a text file."""
    folder = tmp_path / "calls"
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


@pytest.fixture
def environment(models_dir: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SER_MODELS_DIR": str(models_dir),
        "SER_DEFAULT_MODEL": "small",
        "SER_WORKERS": "2",
        "SER_HOST": "0.0.0.0",
    }
