"""Atomic writes: a file is written completely or not at all."""

import os
from pathlib import Path
from typing import IO


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name in the same folder, then rename it.

    Args:
        path: the path of the file; missing folders are created.
        content: the content of the file.

    Raises:
        OSError: the disk is full, or the folder is not writable. In this case, `path` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def path_of(file: IO[bytes]) -> Path:
    """Return a path at which processes of this user can open an unnamed file while `file` is open."""
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
