"""The Parquet output: one row per segment of an archive. An interrupted analysis can continue.

A journal beside the file has one line of JSON for each completed recording. After the last recording, the
output writes the lines to the file, in the order of the recordings, and deletes the journal.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from app.answers import TimelineAnswer
from app.batch.metadata import FileMetadata
from app.batch.sources import Source

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 65_536
"""The number of rows of a row group, which is built in memory."""


class ParquetOutput:
    """An output that writes a Parquet file from a journal."""

    def __init__(
        self,
        path: Path,
        sources: Sequence[Source],
        labels: Sequence[str],
        fingerprint: str,
        metadata: FileMetadata,
    ) -> None:
        """Open the journal and read the completed recordings.

        Args:
            path: the path of the file.
            sources: the recordings, in the order of the file.
            labels: the labels of the model.
            fingerprint: a text that identifies the model and the options of the analysis.
            metadata: the metadata of the recordings. The journal does not contain it, so that it may change
                before an interrupted analysis continues.

        Raises:
            ValueError: the file already exists, or the extra `bulk` is not installed.
        """
        try:
            import pyarrow.parquet  # noqa: F401, PLC0415  # an extra; fail now, not at the end
        except ImportError as error:
            raise ValueError("--format parquet: install the extra `bulk` (requirements/bulk.txt)") from error
        if path.exists():
            raise ValueError(f"--output: {path} already exists; remove it, or choose another path")
        self._path = path
        self._labels = labels
        self._metadata = metadata
        self._keys = {source: _key(source, fingerprint) for source in sources}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._journal_path = path.with_name(f".{path.name}.journal")
        self._journal: IO[bytes] = self._journal_path.open("a+b")
        self._lines = self._read_journal()

    @property
    def left(self) -> list[Source]:
        """The recordings without a line in the journal."""
        return [source for source, key in self._keys.items() if key not in self._lines]

    def add(self, source: Source, answer: TimelineAnswer | str) -> None:
        """Append the answer of a recording, or the reason for its absence, to the journal."""
        content = {"error": answer} if isinstance(answer, str) else {"answer": answer.model_dump()}
        line = {"key": self._keys[source], **content}
        self._lines[self._keys[source]] = self._journal.tell()
        self._journal.write(json.dumps(line).encode() + b"\n")
        self._journal.flush()

    def finish(self) -> dict[str, str]:
        """Write the file atomically.

        Returns:
            The recordings that could not be analyzed, with the reasons.
        """
        import pyarrow as pa  # noqa: PLC0415  # an extra
        import pyarrow.parquet as pq  # noqa: PLC0415

        failed: dict[str, str] = {}
        schema = _schema(self._labels)
        temporary = self._path.with_name(f".{self._path.name}.part")

        def rows() -> Iterator[dict[str, Any]]:
            for source, line in self._read_lines():
                if "error" in line:
                    failed[source.name] = line["error"]
                found = self._metadata.find(source)
                metadata = json.dumps(found, ensure_ascii=False) if found else None
                for row in _rows(source.name, line):
                    yield {**row, "metadata": metadata}

        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            remaining = rows()
            while batch := list(islice(remaining, ROWS)):
                writer.write_table(pa.Table.from_pylist(batch, schema))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # before the journal is deleted
        temporary.replace(self._path)
        self._journal.close()
        self._journal_path.unlink()
        return failed

    def close(self) -> None:
        """Close the journal, so that a later run can continue."""
        self._journal.close()

    def _read_journal(self) -> dict[str, int]:
        """Read the offset of each line by its key, and cut the journal at the first invalid line."""
        lines: dict[str, int] = {}
        self._journal.seek(0)
        while line := self._journal.readline():
            start = self._journal.tell() - len(line)
            try:
                key = json.loads(line)["key"] if line.endswith(b"\n") else None
            except ValueError:
                key = None
            if key is None:
                self._journal.truncate(start)
                break
            lines[key] = start
        self._journal.seek(0, 2)
        return lines

    def _read_lines(self) -> Iterator[tuple[Source, Mapping[str, Any]]]:
        """Read the line of each recording, in the order of the recordings."""
        for source, key in self._keys.items():
            self._journal.seek(self._lines[key])
            yield source, json.loads(self._journal.readline())


def _key(source: Source, fingerprint: str) -> str:
    """Hash the name and the version of a recording and the options of the analysis."""
    return hashlib.sha256(json.dumps([source.name, source.version, fingerprint]).encode()).hexdigest()


def _schema(labels: Sequence[str]) -> "pa.Schema":
    """Return the columns of the file."""
    import pyarrow as pa  # noqa: PLC0415  # an extra

    return pa.schema(
        [
            ("file", pa.string()),
            ("duration", pa.float64()),
            ("channel", pa.int32()),
            ("speaker", pa.int32()),
            ("role", pa.string()),
            ("start", pa.float64()),
            ("end", pa.float64()),
            ("emotion", pa.string()),
            *((label, pa.float64()) for label in labels),
            ("loudness", pa.float64()),
            ("pitch", pa.float64()),
            ("model", pa.string()),
            ("model_version", pa.string()),
            ("metadata", pa.string()),
            ("alerts", pa.list_(pa.string())),
            ("error", pa.string()),
        ]
    )


def _rows(name: str, line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Convert a line to one row per segment, or to a single row if it has an error or no segments."""
    if "error" in line:
        yield {"file": name, "error": line["error"]}
        return
    answer = line["answer"]
    common = {
        "file": name,
        "duration": answer["duration"],
        "model": answer["model"],
        "model_version": answer["model_version"],
        "alerts": [alert["rule"] for alert in answer["alerts"]],
    }
    segments = [
        {**common, "channel": channel["channel"], "speaker": channel["speaker"], "role": channel["role"]}
        | {"start": segment["start"], "end": segment["end"]}
        | {"emotion": segment["emotion"], **segment["probabilities"]}
        | {"loudness": segment.get("loudness"), "pitch": (segment.get("pitch") or {}).get("median")}
        for channel in answer["channels"]
        for segment in channel["segments"]
    ]
    yield from segments or [common]
