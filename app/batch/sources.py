"""The recordings of an analysis: files, folders, globs, lists, and prefixes of S3 buckets."""

import glob
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import obstore

from app.core.containers import has_header
from app.core.containers.headerless import MAGIC_SIZE
from app.core.errors import UnsupportedMediaType
from app.core.files import path_of
from app.s3 import open_bucket

SUFFIXES = (".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".caf")
"""The suffixes of recordings in folders and buckets. The case is ignored."""
HEADERLESS = (".raw", ".pcm", ".sln", ".ul", ".ulaw", ".mulaw", ".al", ".alaw")
"""The suffixes of headerless audio, as SoX and Asterisk name it."""
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
    def opened(self, header: bytes = b"") -> Iterator[Path]:
        """Open the recording as a local file. A copy is deleted afterwards.

        Args:
            header: the header that makes headerless audio a recording; empty if the recording has one.

        Yields:
            The path of the file.

        Raises:
            OSError: the recording cannot be read or fetched.
            UnsupportedMediaType: audio that should be headerless has a header.
        """
        if not self.name.startswith(S3) and not header:
            path = Path(self.name).absolute()
            path.open("rb").close()  # raises an error that names the reason
            yield path
            return
        with TemporaryFile() as file:
            file.write(header)
            self._copy(file)
            file.seek(len(header))
            if header and has_header(file.read(MAGIC_SIZE)):
                raise UnsupportedMediaType("The recording has a header of its own. Omit --encoding.")
            file.flush()
            yield path_of(file)

    def _copy(self, file: IO[bytes]) -> None:
        """Append the content of the recording to a file."""
        if not self.name.startswith(S3):
            with Path(self.name).open("rb") as recording:
                shutil.copyfileobj(recording, file)
            return
        bucket, _, key = self.name.removeprefix(S3).partition("/")
        try:
            for chunk in obstore.get(open_bucket(S3 + bucket), key).stream():
                file.write(chunk)
        except obstore.exceptions.BaseError as error:
            raise OSError(0, f"cannot be fetched: {error}") from error


def find_sources(
    inputs: Iterable[str], lists: Iterable[Path] = (), suffixes: tuple[str, ...] = SUFFIXES
) -> list[Source]:
    """Find all recordings, without duplicates, ordered by name.

    Args:
        inputs: files, folders (searched recursively), globs (including `**`), `s3://bucket/prefix`.
        lists: text files with one file or S3 address per line; `-` is stdin.
        suffixes: the suffixes of recordings in folders and buckets.

    Raises:
        ValueError: an input matches no recording.
        OSError: a list cannot be read, or a bucket cannot be listed.
    """
    sources: set[Source] = set()
    for text in inputs:
        matches = set(_find(text, suffixes))
        if not matches:
            examples = ", ".join(suffixes[:3])
            raise ValueError(f"{text}: there is no recording, such as {examples}")
        sources |= matches
    for path in lists:
        lines = sys.stdin if str(path) == "-" else path.read_text(encoding="utf-8").splitlines()
        for line in filter(None, map(str.strip, lines)):
            sources |= set(_in_bucket(line, suffixes) if line.startswith(S3) else [_file(Path(line))])
    return sorted(sources)


def _find(text: str, suffixes: tuple[str, ...]) -> Iterator[Source]:
    """Find the recordings of one input."""
    path = Path(text)
    if text.startswith(S3):
        yield from _in_bucket(text, suffixes)
    elif path.is_dir():
        yield from (_file(file) for file in path.rglob("*") if file.suffix.lower() in suffixes)
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


def _in_bucket(address: str, suffixes: tuple[str, ...]) -> Iterator[Source]:
    """List the recordings below a prefix."""
    bucket, _, prefix = address.removeprefix(S3).partition("/")
    try:
        for batch in obstore.list(open_bucket(S3 + bucket), prefix):
            for entry in batch:
                if entry["path"].lower().endswith(suffixes):
                    yield Source(f"{S3}{bucket}/{entry['path']}", f"{entry['size']} {entry['e_tag']}")
    except obstore.exceptions.BaseError as error:
        raise OSError(f"{address}: {error}") from error
