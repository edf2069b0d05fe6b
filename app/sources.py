"""Which recordings are meant: files, folders, globs, lists, and prefixes of buckets that speak S3."""

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import obstore
from obstore.store import S3Store

SUFFIXES = (".wav", ".flac")
"""Of the files that are taken from folders and buckets, in whatever case."""
S3 = "s3://"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A recording.

    Attributes:
        name: its path, or its address.
        version: changes with what is in it, as far as that can be told without reading it.
    """

    name: str
    version: str

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Have it as a file, which is gone afterwards if it was fetched.

        Raises:
            OSError: it cannot be read, or not be fetched.
        """
        if not self.name.startswith(S3):
            path = Path(self.name).absolute()
            path.open("rb").close()  # says by itself what is wrong with a path
            yield path
            return
        bucket, _, key = self.name.removeprefix(S3).partition("/")
        with TemporaryFile() as file:
            try:
                for chunk in obstore.get(_bucket(bucket), key).stream():
                    file.write(chunk)
            except obstore.exceptions.BaseError as error:
                raise OSError(0, f"cannot be fetched: {error}") from error
            file.flush()
            yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def find_sources(inputs: Iterable[str], lists: Iterable[Path] = ()) -> list[Source]:
    """Find all recordings that are meant, each once, ordered by name.

    Args:
        inputs: files, folders (with all below), globs (`**` too), `s3://bucket/prefix`.
        lists: files with one of these a line, but no globs; `-` is stdin.

    Raises:
        ValueError: an input leads to nothing.
        OSError: a list cannot be read, or a bucket not be listed.
    """
    found: set[Source] = set()
    for text in inputs:
        sources = set(_find(text))
        if not sources:
            raise ValueError(f"{text}: no WAV or FLAC file is there")
        found |= sources
    for path in lists:
        lines = sys.stdin if str(path) == "-" else path.read_text(encoding="utf-8").splitlines()
        for line in filter(None, map(str.strip, lines)):
            found |= set(_in_bucket(line) if line.startswith(S3) else [_file(Path(line))])
    return sorted(found)


def _find(text: str) -> Iterator[Source]:
    """What one input means."""
    path = Path(text)
    if text.startswith(S3):
        yield from _in_bucket(text)
    elif path.is_dir():
        yield from (_file(file) for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    elif path.exists() or not glob.has_magic(text):
        yield _file(path)
    else:
        names = glob.glob(text, recursive=True)  # noqa: PTH207  # Path.glob takes relative ones alone
        yield from (_file(Path(name)) for name in names if Path(name).is_file())


def _file(path: Path) -> Source:
    """A file, whether it is there or not: one that is not is told like one that is broken."""
    try:
        status = path.stat()
    except OSError:
        return Source(str(path), "")
    return Source(str(path), f"{status.st_size} {status.st_mtime_ns}")


def _in_bucket(address: str) -> Iterator[Source]:
    """The recordings below a prefix."""
    bucket, _, prefix = address.removeprefix(S3).partition("/")
    try:
        for batch in obstore.list(_bucket(bucket), prefix):
            for entry in batch:
                if entry["path"].lower().endswith(SUFFIXES):
                    yield Source(f"{S3}{bucket}/{entry['path']}", f"{entry['size']} {entry['e_tag']}")
    except obstore.exceptions.BaseError as error:
        raise OSError(f"{address}: {error}") from error


def _bucket(name: str) -> S3Store:
    """A bucket; the usual AWS_* variables tell keys, region and endpoint."""
    return S3Store(name, client_options={"allow_http": True, "timeout": "5m"})
