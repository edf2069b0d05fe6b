"""The tables and the other files with labels that lie in the folder of a corpus."""

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from training.errors import TrainingError


def find_file(folder: Path, *names: str) -> Path:
    """Find a file of a corpus in its folder, which is searched recursively.

    Args:
        folder: the folder of the corpus.
        names: the names of the file in different releases, the newest first.

    Raises:
        TrainingError: the folder contains no such file.
    """
    for name in names:
        if found := sorted(folder.rglob(name)):
            return found[0]
    raise TrainingError(
        f"{folder}: contains no {' or '.join(names)}, the file with the labels of this corpus"
    )


def read_table(path: Path, columns: Collection[str], delimiter: str = ",") -> list[dict[str, str]]:
    """Read a table with the names of the columns in its first line.

    Args:
        path: the path of the file, UTF-8.
        columns: the columns that the table must have.
        delimiter: the character between two values. Tabs separate values without quotation marks.

    Returns:
        The values of each row by column, without surrounding spaces; an empty string for a missing value.

    Raises:
        TrainingError: the file cannot be read, or a column is missing.
    """
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, quoting=quoting)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise TrainingError(f"{path}: no column {', '.join(missing)} in the first line")
            return [_values(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path}: cannot be read as CSV ({error})") from error


def _values(row: dict[str, str | None]) -> dict[str, str]:
    """Return the values of a row that belong to a column."""
    return {column: (value or "").strip() for column, value in row.items() if column}
