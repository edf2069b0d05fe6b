"""Serialization of arrays to the content of files."""

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray


def to_npz(arrays: Mapping[str, ArrayLike]) -> bytes:
    """Return the content of an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    return buffer.getvalue()


def write_rows(path: Path, n_rows: int, rows: Iterable[NDArray[np.float32]]) -> None:
    """Write the rows of a matrix to an .npy file, one at a time: completely or not at all.

    Args:
        path: the path of the file.
        n_rows: the number of rows, at least 1.
        rows: the rows, float32, shape (n_values,) each.

    Raises:
        OSError: the disk is full, or the folder is not writable.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        for place, row in enumerate(rows):
            if not place:
                matrix = np.lib.format.open_memmap(temporary, "w+", np.float32, (n_rows, len(row)))
                # A full disk is an error here, and not a signal that ends the process at a later write.
                with temporary.open("rb+") as file:
                    os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
            matrix[place] = row
        matrix.flush()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
