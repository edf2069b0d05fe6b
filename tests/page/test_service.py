"""The page with the real service."""

import io
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from testing.recordings import EXAMPLE, encode


def test_a_call_is_analyzed_by_the_service(page: Page, tmp_path: Path, violations: list[str]) -> None:
    """One channel contains the example once. The other channel contains it twice."""
    example, rate = soundfile.read(io.BytesIO(EXAMPLE.read_bytes()), dtype="float32")
    pause = np.zeros(3 * rate, np.float32)
    first = np.concatenate([example, pause, np.zeros_like(example), pause, np.zeros_like(example)])
    second = np.concatenate([np.zeros_like(example), pause, example, pause, example])
    call = tmp_path / "call.wav"
    call.write_bytes(encode(np.stack([first, second], axis=1), rate, "ULAW"))
    page.set_input_files("#file", call)
    expect(page.get_by_role("group", name="Channel 0, 1 segment").get_by_role("button")).to_have_count(1)
    expect(page.get_by_role("group", name="Channel 1, 2 segments").get_by_role("button")).to_have_count(2)
    assert violations == []
