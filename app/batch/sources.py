"""The recordings of an analysis: files, folders, globs, lists, and prefixes of S3 buckets."""

import glob
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import obstore

from app.core.files import path_of
from app.s3 import open_bucket

SUFFIXES = (".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".caf")
"""The suffixes of recordings in folders and buckets. The case is ignored."""
S3 = "s3://"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A recording.

    Attributes:
        name: the path or the S3 address.
        version: a text from the metadata of the file. The text changes when the content changes.
    """

    name: str
    version: str

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Open the recording as a local file. A fetched file is deleted afterwards.

        Yields:
            The path of the file.

        Raises:
            OSError: the recording cannot be read or fetched.
        """
        if not self.name.startswith(S3):
            path = Path(self.name).absolute()
            path.open("rb").close()  # raises an error that names the reason
            yield path
            return
        bucket, _, key = self.name.removeprefix(S3).partition("/")
        with TemporaryFile() as file:
            try:
                for chunk in obstore.get(open_bucket(S3 + bucket), key).stream():
                    file.write(chunk)
            except obstore.exceptions.BaseError as error:
                raise OSError(0, f"cannot be fetched: {error}") from error
            file.flush()
            yield path_of(file)


def find_sources(inputs: Iterable[str], lists: Iterable[Path] = ()) -> list[Source]:
    """Find all recordings, without duplicates, ordered by name.

    Args:
        inputs: files, folders (searched recursively), globs (including `**`), `s3://bucket/prefix`.
        lists: text files with one file or S3 address per line; `-` is stdin.

    Raises:
        ValueError: an input matches no recording.
        OSError: a list cannot be read, or a bucket cannot be listed.
    """
    sources: set[Source] = set()
    for text in inputs:
        matches = set(_find(text))
        if not matches:
            raise ValueError(f"{text}: there is no recording, such as .wav, .flac or .mp3")
        sources |= matches
    for path in lists:
        lines = sys.stdin if str(path) == "-" else path.read_text(encoding="utf-8").splitlines()
        for line in filter(None, map(str.strip, lines)):
            sources |= set(_in_bucket(line) if line.startswith(S3) else [_file(Path(line))])
    return sorted(sources)


def _find(text: str) -> Iterator[Source]:
    """Find the recordings of one input."""
    path = Path(text)
    if text.startswith(S3):
        yield from _in_bucket(text)
    elif path.is_dir():
        yield from (_file(file) for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    elif path.exists() or not glob.has_magic(text):
        yield _file(path)
    else:
        names = glob.glob(text, recursive=True)  # noqa: PTH207  # Path.glob rejects absolute patterns
        yield from (_file(Path(name)) for name in names if Path(name).is_file())


def _file(path: Path) -> Source:
    """Describe a file. The analysis reports a missing file in the same way as a corrupt one."""
    try:
        status = path.stat()
    except OSError:
        return Source(str(path), "")
    return Source(str(path), f"{status.st_size} {status.st_mtime_ns}")


def _in_bucket(address: str) -> Iterator[Source]:
    """List the recordings below a prefix."""
    bucket, _, prefix = address.removeprefix(S3).partition("/")
    try:
        for batch in obstore.list(open_bucket(S3 + bucket), prefix):
            for entry in batch:
                if entry["path"].lower().endswith(SUFFIXES):
                    yield Source(f"{S3}{bucket}/{entry['path']}", f"{entry['size']} {entry['e_tag']}")
    except obstore.exceptions.BaseError as error:
        raise OSError(f"{address}: {error}") from error
