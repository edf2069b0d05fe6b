"""An archive in DuckDB: one row per call, with the seconds of each emotion and the metadata of a report.

The archive is the Parquet file of `python -m app analyze --format parquet`. DuckDB reads it in pieces, within
`MEMORY`. Only the table of calls stays in memory, or on disk if it is larger.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from app.core.files import path_of

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"
MAX_THREADS = 4
NEEDED = {
    "file": "VARCHAR",
    "duration": "DOUBLE",
    "channel": "INTEGER",
    "start": "DOUBLE",
    "end": "DOUBLE",
    "emotion": "VARCHAR",
    "role": "VARCHAR",
    "metadata": "VARCHAR",
    "alerts": "VARCHAR[]",
    "error": "VARCHAR",
}
"""The columns that a report needs, and their types in DuckDB."""

_NOT_LABELS = {*NEEDED, "speaker", "loudness", "pitch", "model", "model_version"}


@dataclass(frozen=True, slots=True)
class Archive:
    """The calls of an archive, in the table `calls` of a connection.

    The table has a row per file: `file`, `error`, `alerts`, `segments`, `speech` (seconds), `undecided`
    (seconds), `s0`, `s1`, … (seconds of each label), and `metadata` (JSON; null if it is no object).

    Attributes:
        connection: the connection, which the archive closes.
        labels: the labels of the model, in the order of the columns.
        channels: the channels with speech that the report covers.
    """

    connection: "duckdb.DuckDBPyConnection"
    labels: tuple[str, ...]
    channels: tuple[int, ...]

    def keys(self) -> list[str]:
        """Return the keys of the metadata of all calls, in alphabetical order."""
        rows = self.connection.execute(
            "SELECT DISTINCT unnest(json_keys(metadata)) AS key FROM calls ORDER BY key"
        ).fetchall()
        return [key for (key,) in rows]

    def join(self, keys: Sequence[str], rows: Mapping[str, Mapping[str, str]]) -> None:
        """Add the columns `k0`, `k1`, … to the calls: the value of each key, or null.

        Args:
            keys: the keys.
            rows: further metadata by the name of the file or its last part. It takes precedence over the
                metadata in the archive.
        """
        import pyarrow as pa  # noqa: PLC0415  # an extra

        filled = {name: row for name, row in rows.items() if row}
        columns = {
            f"k{number}": pa.array([row.get(key) for row in filled.values()], pa.string())
            for number, key in enumerate(keys)
        }
        facts = pa.table({"name": pa.array(list(filled), pa.string()), **columns})
        self.connection.register("facts", facts)
        for number, key in enumerate(keys):
            self.connection.execute(f"ALTER TABLE calls ADD COLUMN k{number} VARCHAR")
            self.connection.execute(
                f"UPDATE calls SET k{number} = nullif(json_extract_string(metadata, ?), '')",  # noqa: S608
                [_pointer(key)],
            )
        by_name = "split_part(file, '/', -1) AND file NOT IN (SELECT name FROM facts)"
        for name in ("file", by_name):
            for column in columns:
                self.connection.execute(
                    f"UPDATE calls SET {column} = facts.{column} FROM facts "  # noqa: S608  # only our own names
                    f"WHERE facts.{column} IS NOT NULL AND facts.name = {name}"
                )
        self.connection.unregister("facts")


@contextmanager
def open_archive(path: Path, channels: Sequence[int] = (), roles: Sequence[str] = ()) -> Iterator[Archive]:
    """Read an archive into a table of calls.

    Args:
        path: the path of the Parquet file.
        channels: the channels that count; empty if all count.
        roles: the roles that count; empty if all count.

    Raises:
        ValueError: the extra `bulk` is missing, the file is not Parquet, it lacks a column, DuckDB cannot
            read or aggregate it, or all its speech is of other channels and roles.
        OSError: the file cannot be read.
    """
    try:
        import duckdb  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ValueError("report: install the extra `bulk` (requirements/bulk.txt)") from error
    settings: dict[str, Any] = {
        "memory_limit": MEMORY,
        "threads": min(MAX_THREADS, os.cpu_count() or 1),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,  # a report needs no network
        "autoload_known_extensions": False,
    }
    with path.open("rb") as file, TemporaryDirectory() as folder:
        settings["temp_directory"] = folder
        with duckdb.connect(config=settings) as connection:
            try:
                # By its descriptor, because DuckDB would take `*` and `[` in a name as a glob.
                connection.execute(f"CREATE VIEW archive AS FROM read_parquet('{path_of(file)}')")
                labels = _check_columns(path, connection)
                counted = _counted(channels, roles)
                _create_calls(connection, labels, counted)
                yield Archive(connection, labels, _find_channels(connection, counted))
            except duckdb.Error as error:
                raise ValueError(_cannot_read(path, error)) from error


def _check_columns(path: Path, connection: "duckdb.DuckDBPyConnection") -> tuple[str, ...]:
    """Return the labels of an archive.

    Raises:
        ValueError: the archive lacks a column.
    """
    rows = connection.execute("SELECT column_name, column_type FROM (DESCRIBE archive)").fetchall()
    types = {name: "VARCHAR" if kind == "JSON" else kind for name, kind in rows}
    missing = [name for name in NEEDED if name not in types]
    wrong = [f"{name} ({types[name]})" for name, kind in NEEDED.items() if types.get(name, kind) != kind]
    labels = tuple(name for name, kind in types.items() if name not in _NOT_LABELS and kind == "DOUBLE")
    if missing or wrong or not labels:
        problem = (
            f"no column {', '.join(missing)}" if missing else "no column with the probabilities of a label"
        )
        if wrong and not missing:
            problem = f"columns of another type: {', '.join(wrong)}"
        raise ValueError(
            f"{path} is not an archive of this version: it has {problem}. "
            "Write it with python -m app analyze --format parquet."
        )
    return labels


def _find_channels(connection: "duckdb.DuckDBPyConnection", counted: str) -> tuple[int, ...]:
    """Return the channels with segments that count.

    Raises:
        ValueError: no segment counts, although there are segments.
    """
    query = "SELECT DISTINCT channel FROM archive WHERE {} ORDER BY channel"
    channels = [channel for (channel,) in connection.execute(query.format(counted)).fetchall()]
    if not channels:
        every = [str(channel) for (channel,) in connection.execute(query.format(_counted((), ()))).fetchall()]
        roles = connection.execute(
            "SELECT DISTINCT role FROM archive WHERE role IS NOT NULL ORDER BY role"
        ).fetchall()
        if every:
            raise ValueError(
                "--channels, --roles: the archive has no such speech. "
                f"Channels: {', '.join(every)}. Roles: {', '.join(role for (role,) in roles) or 'none'}."
            )
    return tuple(channels)


def _create_calls(connection: "duckdb.DuckDBPyConnection", labels: Sequence[str], counted: str) -> None:
    """Create the table `calls`. `counted` is the condition for the segments that count."""
    seconds = ", ".join(
        f'coalesce(sum("end" - start) FILTER ({counted} AND emotion = ?), 0) AS s{n}'
        for n in range(len(labels))
    )
    connection.execute(
        f"""
        CREATE TABLE calls AS
        SELECT file,
            any_value(error) AS error,
            any_value(alerts) AS alerts,
            any_value(CASE WHEN json_valid(metadata) AND json_type(metadata) = 'OBJECT' THEN metadata END)
                AS metadata,
            count(*) FILTER ({counted}) AS segments,
            coalesce(sum("end" - start) FILTER ({counted}), 0) AS speech,
            coalesce(sum("end" - start) FILTER ({counted} AND emotion IS NULL), 0) AS undecided,
            {seconds}
        FROM archive GROUP BY file
        """,  # noqa: S608  # only our own numbers and names
        list(labels),
    )


def _counted(channels: Sequence[int], roles: Sequence[str]) -> str:
    """Return the condition for the segments that count."""
    condition = "start IS NOT NULL"
    if channels:
        condition += f" AND channel IN ({', '.join(map(str, map(int, channels)))})"
    if roles:
        # A quote is the only special character of a string in DuckDB.
        quoted = ("'" + role.replace("'", "''") + "'" for role in roles)
        condition += f" AND role IN ({', '.join(quoted)})"
    return condition


def _pointer(key: str) -> str:
    """Return the path of a key of a JSON object."""
    return f'$."{key}"'


def _cannot_read(path: Path, error: Exception) -> str:
    reason = str(error).splitlines()[0].replace(f"/proc/{os.getpid()}/fd/", "descriptor ")
    return (
        f"{path} cannot be read as Parquet: {reason}. Write it with python -m app analyze --format parquet."
    )
