"""Files of keys."""

import hashlib
from pathlib import Path


def line(name: str, fields: str = "") -> str:
    """Return the entry of a key. The key of each caller is its name."""
    return f"{name}:{hashlib.sha256(name.encode()).hexdigest()} {fields}".strip()


def write(folder: Path, *lines: str) -> None:
    """Replace the file of keys, as a program should: write another file and rename it."""
    new = folder / "new"
    new.write_text("# callers\n" + "\n".join(lines) + "\n")
    new.replace(folder / "keys")
