"""`python -m app report`: the figures of an archive as a page, and as a table."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path

from app.batch.metadata import read_metadata
from app.core.files import write_whole
from app.reports.aggregates import Selection, aggregate
from app.reports.archive import Archive, open_archive
from app.reports.page import check_installed
from app.reports.report_page import report_page
from app.reports.table import as_csv, as_parquet

BY = ("agent", "queue")
DATES = ("date", "started", "start", "day")
EMOTION = "anger"
FORMATS = {".csv": as_csv, ".parquet": as_parquet}


def report(arguments: Sequence[str]) -> int:
    """Aggregate an archive and write a page and a table.

    Args:
        arguments: the command-line arguments after `report`.

    Returns:
        The exit status: 0; 2 if the archive, an option or a file is not valid, with the reason on stderr.
    """
    options = _parse(arguments)
    try:
        _check_paths(options)
        check_installed()
        rows = read_metadata(options.metadata).rows if options.metadata else {}
        with open_archive(options.archive, options.channels, options.roles) as archive:
            figures = aggregate(archive, _select(options, archive, rows), rows)
        # Both are complete before the first is written.
        files = {options.output: report_page(options.archive.name, figures).encode()}
        if options.table:
            files[options.table] = FORMATS[options.table.suffix](figures)
        for path, content in files.items():
            write_whole(path, content)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line."""
    parser = ArgumentParser("python -m app report", description="Aggregate an archive of analyzed calls.")
    add = parser.add_argument
    add("archive", type=Path, metavar="ARCHIVE", help="file of python -m app analyze --format parquet")
    add(
        "--metadata",
        type=Path,
        metavar="FILE",
        help="CSV file with further metadata: a column `file`, and a column for each key",
    )
    add("--output", type=Path, default=Path("report.html"), metavar="FILE", help="default: report.html")
    add("--table", type=Path, metavar="FILE", help="the figures as .csv or .parquet")
    add("--by", nargs="+", metavar="KEY", help="keys of the metadata; default: agent queue, where they exist")
    add(
        "--date", metavar="KEY", help=f"key with the date of a call; default: the first of {', '.join(DATES)}"
    )
    add("--emotion", metavar="LABEL", help=f"the emotion that orders groups and calls; default: {EMOTION}")
    add("--channels", type=_indices, default=(), help="channels that count, such as 0,1; default: all")
    add("--roles", type=_names, default=(), help="roles that count, such as customer; default: all")
    add("--top", type=_positive, default=10, metavar="N", help="calls in each list; default: %(default)s")
    add(
        "--min-speech",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="least speech of a call in the list of the emotion; default: %(default)s",
    )
    return parser.parse_args(arguments)


def _indices(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < inf:
        raise ArgumentTypeError("expected seconds from 0")
    return value


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError("expected a number from 1")
    return int(text)


def _check_paths(options: Namespace) -> None:
    """Check the names of the files.

    Raises:
        ValueError: two files are the same, a file does not exist, or the table has another suffix.
    """
    if options.table and options.table.suffix not in FORMATS:
        raise ValueError(f"--table: {options.table} must end in {' or '.join(FORMATS)}")
    for path in filter(None, (options.archive, options.metadata)):
        if not path.is_file():
            raise ValueError(f"{path} is not a file. Name an existing file.")
    paths = [
        one.resolve() for one in (options.archive, options.metadata, options.output, options.table) if one
    ]
    if len(set(paths)) < len(paths):
        raise ValueError("ARCHIVE, --metadata, --output and --table must be different files")


def _select(options: Namespace, archive: Archive, rows: Mapping[str, Mapping[str, str]]) -> Selection:
    """Complete the options with the keys and labels of the archive.

    Raises:
        ValueError: a key or the emotion is unknown.
    """
    keys = {*archive.keys(), *(key for row in rows.values() for key in row)}
    for option, names in (("--by", options.by or ()), ("--date", [options.date] if options.date else ())):
        for name in names:
            if name not in keys:
                known = ", ".join(sorted(keys)) or "none; add them with --metadata FILE.csv"
                raise ValueError(f"{option}: no call has metadata with the key {name}. Keys: {known}")
    emotion = options.emotion or (EMOTION if EMOTION in archive.labels else archive.labels[0])
    if emotion not in archive.labels:
        raise ValueError(f"--emotion: {emotion} is unknown. Labels: {', '.join(archive.labels)}")
    by = options.by or [key for key in BY if key in keys]
    date = options.date or next((key for key in DATES if key in keys), None)
    return Selection(list(dict.fromkeys(by)), date, emotion, options.top, options.min_speech, options.roles)
