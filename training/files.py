"""Files that are there whole or not at all."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it there.

    Args:
        path: where it shall stand; missing folders are made.
        content: all of it.

    Raises:
        OSError: the disk is full, or the folder not writable; nothing stands at `path` then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def to_npz(arrays: Mapping[str, ArrayLike]) -> bytes:
    """The content of an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    return buffer.getvalue()


def to_npy(array: NDArray[Any]) -> bytes:
    """The content of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
