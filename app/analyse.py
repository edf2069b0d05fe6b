"""`python -m app analyse`: what `/v1/audio/timeline` answers, for files and without a server."""

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from app.archive import Archive
from app.calls import Limits
from app.cluster import cluster
from app.core.bundle import read_bundle
from app.core.errors import BundleError
from app.engines import Engine, EngineLost, NotAnalysed, Plan, local
from app.main import find_bundles
from app.report import SUFFIXES, Report
from app.settings import Settings
from app.sources import Source, find_sources

PARQUET = "parquet"
LOCAL = "local"
INTERRUPTED = 130


def analyse(arguments: Sequence[str]) -> int:
    """Analyse recordings, and go on after one that cannot be analysed.

    Args:
        arguments: of the command line, after `analyse`.

    Returns:
        The exit status: 0; 1 if a recording could not be analysed, each such is named; 2 if nothing
        could be begun, or the cluster was lost; 130 after Ctrl-C.
    """
    options = _parse(arguments)
    try:
        settings = Settings(host="127.0.0.1")  # nothing listens, so that no keys are needed
        if options.model:
            settings = settings.model_copy(update={"default_model": options.model})
        permitted = settings.permitted_channels
        for channel in options.channels or ():
            if permitted is not None and channel not in permitted:
                raise ValueError(f"SER_CHANNELS: channel {channel} may not be analysed here")  # noqa: TRY301
        sources = find_sources(options.inputs, options.list)
        folder = next(path for path in find_bundles(settings) if path.name == settings.default_model)
        return asyncio.run(_analyse(options, settings, folder.absolute(), sources))
    except (BundleError, EngineLost, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED


def _parse(arguments: Sequence[str]) -> Namespace:
    """Read the command line."""
    parser = ArgumentParser("python -m app analyse", description="Who felt what, and when, in recordings.")
    add = parser.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="WAV or FLAC files, folders, globs, s3://bucket/prefix")
    add(
        "--list",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="more of them, one a line; -: stdin",
    )
    add("--format", choices=[*SUFFIXES, PARQUET], default="json", help="json, an object a line, if not given")
    add(
        "--output",
        type=Path,
        metavar="PATH",
        help="the Parquet file; else a folder, a file for each",
    )
    add("--engine", default=LOCAL, metavar="ADDRESS", help="a Dask scheduler's; this machine if not given")
    add("--model", help="the bundle; SER_DEFAULT_MODEL if not given")
    add("--channels", type=_indices, help="such as 0,1; all that may be analysed if not given")
    add("--merge", action="store_true", help="one segment of neighbours of the same emotion")
    options = parser.parse_args(arguments)
    if not options.inputs and not options.list:
        parser.error("name recordings, or a --list of them")
    if options.format == "textgrid" and options.output is None:
        parser.error("--format textgrid needs --output: Praat reads a file for each recording")
    if options.format == PARQUET and options.output is None:
        parser.error("--format parquet needs --output, the file")
    return options


def _indices(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


async def _analyse(options: Namespace, settings: Settings, folder: Path, sources: Sequence[Source]) -> int:
    """Put all recordings through the engine, and say which failed."""
    manifest = read_bundle(folder).manifest
    files = tuple(sorted(manifest.files.items()))
    limits = Limits(settings.min_seconds, settings.max_call_seconds, settings.call_timeout)
    plan = Plan(folder, limits, options.channels, settings.permitted_channels, options.merge, files)
    if options.format == PARQUET:
        asked = json.dumps([files, options.channels, sorted(plan.permitted or ()), options.merge])
        output: Archive | Report = Archive(options.output, sources, manifest.labels, asked)
    else:
        output = Report(options.format, options.output, sources, manifest.labels)
    try:
        here = options.engine == LOCAL
        async with local(plan, settings) if here else cluster(options.engine, plan) as engine:
            await _spread(engine, output, len(sources))
        failed = output.finish()
    finally:
        output.close()
    for name, reason in failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(sources)} files could not be analysed", file=sys.stderr)
    return 1 if failed else 0


async def _spread(engine: Engine, output: Archive | Report, n_sources: int) -> None:
    """As many recordings at a time as the engine takes."""
    left = output.left
    bar = tqdm(total=n_sources, initial=n_sources - len(left), unit="file", file=sys.stderr, disable=None)
    sources = iter(left)

    async def take_turns() -> None:
        for source in sources:
            try:
                output.add(source, await engine.analyze(source))
            except NotAnalysed as error:
                output.add(source, str(error))
            bar.update()

    with bar:
        await asyncio.gather(*(take_turns() for _ in range(engine.at_a_time)))
