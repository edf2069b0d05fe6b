from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.arrays import write_rows

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_rows_are_written_one_at_a_time_and_mapped_to_memory(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.npy", 4, iter(ROWS))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_an_interruption_leaves_no_file(tmp_path: Path) -> None:
    def interrupted() -> Iterator[NDArray[np.float32]]:
        yield ROWS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "rows.npy", 4, interrupted())
    assert list(tmp_path.iterdir()) == []
