"""`python -m app analyse`: what `/v1/audio/timeline` answers, for files and without a server."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from app.api.schemas import TimelineAnswer
from app.calls import CallAnalyzer, Limits
from app.core.bundle import read_bundle
from app.core.errors import BundleError, SpeechEmotionError
from app.formats import as_csv, as_json, as_textgrid
from app.main import find_bundles
from app.settings import Settings
from app.workers import WorkerPool

SUFFIXES = {"json": ".json", "csv": ".csv", "textgrid": ".TextGrid"}


def analyse(arguments: Sequence[str]) -> int:
    """Analyse files, and go on after one that cannot be analysed.

    Args:
        arguments: of the command line, after `analyse`.

    Returns:
        The exit status: 0; 1 if a file could not be analysed, each such is named on stderr; 2 if
        nothing could be begun.
    """
    options = _parse(arguments)
    try:
        settings = Settings()
        if options.model:
            settings = settings.model_copy(update={"default_model": options.model})
        permitted = settings.permitted_channels
        for channel in options.channels or ():
            if permitted is not None and channel not in permitted:
                raise ValueError(f"SER_CHANNELS: channel {channel} may not be analysed here")  # noqa: TRY301
        stems = Counter(path.stem for path in options.files)
        if options.output is not None and stems.most_common(1)[0][1] > 1:
            raise ValueError(f"--output: more than one file would be {stems.most_common(1)[0][0]}")  # noqa: TRY301
        folder = next(path for path in find_bundles(settings) if path.name == settings.default_model)
        return asyncio.run(_analyse(options, settings, folder))
    except (BundleError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _parse(arguments: Sequence[str]) -> Namespace:
    """Read the command line."""
    parser = ArgumentParser("python -m app analyse", description="Who felt what, and when, in recordings.")
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="WAV or FLAC")
    add("--format", choices=SUFFIXES, default="json", help="json, an object a line, if not given")
    add("--output", type=Path, metavar="FOLDER", help="a file for each recording, in place of stdout")
    add("--model", help="the bundle; SER_DEFAULT_MODEL if not given")
    add("--channels", type=_indices, help="such as 0,1; all that may be analysed if not given")
    add("--merge", action="store_true", help="one segment of neighbours of the same emotion")
    options = parser.parse_args(arguments)
    if options.format == "textgrid" and options.output is None:
        parser.error("--format textgrid needs --output: Praat reads a file for each recording")
    return options


def _indices(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


async def _analyse(options: Namespace, settings: Settings, folder: Path) -> int:
    """Start workers, put all files through them, and say which failed."""
    pool = WorkerPool(
        [folder],
        n_workers=settings.workers,
        queue_depth=0,
        request_timeout=settings.call_timeout,
        max_worker_bytes=settings.max_worker_bytes,
    )
    await pool.start()
    try:
        failed = await _spread(options, settings, pool, folder)
    finally:
        await pool.stop()
    for path, reason in failed.items():
        print(f"{path}: {reason}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(options.files)} files could not be analysed", file=sys.stderr)
    return 1 if failed else 0


async def _spread(options: Namespace, settings: Settings, pool: WorkerPool, folder: Path) -> dict[Path, str]:
    """As many files at a time as there are workers; those that failed, and why."""
    limits = Limits(settings.min_seconds, settings.max_call_seconds, settings.call_timeout)
    analyzer = CallAnalyzer(pool, limits, settings.permitted_channels)
    report = _Report(options, read_bundle(folder).manifest.labels)
    failed: dict[Path, str] = {}
    left = iter(options.files)
    with tqdm(total=len(options.files), unit="file", file=sys.stderr, disable=None) as bar:

        async def take_turns() -> None:
            for path in left:
                try:
                    path.open("rb").close()  # says by itself what is wrong with a path
                    timeline = await analyzer.analyze(path.absolute(), folder.name, options.channels)
                    report.add(path, TimelineAnswer.of(folder.name, timeline, merged=options.merge))
                except (SpeechEmotionError, OSError) as error:
                    failed[path] = error.strerror or "" if isinstance(error, OSError) else str(error)
                bar.update()

        await asyncio.gather(*(take_turns() for _ in range(pool.n_workers)))
    return failed


class _Report:
    """Where answers go, in the form that was asked for."""

    def __init__(self, options: Namespace, labels: Sequence[str]) -> None:
        self._options = options
        self._labels = labels
        self._first = True

    def add(self, path: Path, answer: TimelineAnswer) -> None:
        """Write the answer of a file, whole or not at all."""
        folder, first = self._options.output, self._first
        self._first = False
        match self._options.format:
            case "json":
                text = as_json(str(path), answer)
            case "csv":
                text = as_csv(str(path), answer, self._labels, header=first or folder is not None)
            case _:
                text = as_textgrid(answer)
        if folder is None:
            tqdm.write(text, file=sys.stdout, end="")
            return
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{path.stem}{SUFFIXES[self._options.format]}"
        beside = target.with_name(f".{target.name}.part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
