"""Serialization of arrays to the content of files."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike


def to_npz(arrays: Mapping[str, ArrayLike]) -> bytes:
    """Return the content of an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    return buffer.getvalue()
