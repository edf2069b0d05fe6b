"""The metadata of recordings, from a CSV file: one row per recording, one column per key."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.batch.sources import Source
from app.calls.metadata import InvalidMetadata, check_metadata

FILE_COLUMN = "file"


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """The metadata of recordings.

    Attributes:
        rows: the metadata by the content of the column `file`: the name of a recording as in the output, or
            its last part.
    """

    rows: Mapping[str, dict[str, str]] = field(default_factory=dict)

    def find(self, source: Source) -> dict[str, str]:
        """Return the metadata of a recording; empty if it has no row.

        Example:
            >>> rows = FileMetadata({"call.wav": {"queue": "sales"}})
            >>> rows.find(Source("/archive/2026/call.wav", ""))
            {'queue': 'sales'}
        """
        return self.rows.get(source.name) or self.rows.get(PurePosixPath(source.name).name) or {}


def read_metadata(path: Path) -> FileMetadata:
    """Read a CSV file whose first column is `file`. An empty cell gives no entry.

    Args:
        path: the path of the file, in UTF-8.

    Raises:
        ValueError: the file has no such column, a row is wrong, or two rows name the same recording.
        OSError: the file cannot be read.
    """
    try:
        return FileMetadata(_read(path))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"--metadata: {path} is not a CSV file in UTF-8: {error}") from None


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Read the rows by the content of the column `file`."""
    rows: dict[str, dict[str, str]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restkey="", restval="")
        names = list(reader.fieldnames or ())
        if names[:1] != [FILE_COLUMN] or len(set(names)) < len(names):
            raise ValueError(
                f"--metadata: {path}: the first column must be `{FILE_COLUMN}`, and each further column a key"
            )
        for row in reader:
            place = f"--metadata: {path}, line {reader.line_num}"
            name = row.pop(FILE_COLUMN)
            if "" in row:
                raise ValueError(f"{place}: the row has more cells than the head")
            if not name or name in rows:
                raise ValueError(f"{place}: `{FILE_COLUMN}` is {'repeated' if name else 'empty'}")
            try:
                rows[name] = check_metadata({key: value for key, value in row.items() if value})
            except InvalidMetadata as error:
                raise ValueError(f"{place}: {error}") from None
    return rows
