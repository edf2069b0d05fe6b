"""`python -m app analyze`: the answers of `/v1/audio/timeline` for files, without a server."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from app.answer_builder import AnswerBuilder
from app.batch.arguments import LOCAL, PARQUET, parse
from app.batch.dask import cluster
from app.batch.engine import AnalysisOptions, Engine, NotAnalyzed, local
from app.batch.files import TextOutput
from app.batch.metadata import FileMetadata, read_metadata
from app.batch.output import Output
from app.batch.parquet import ParquetOutput
from app.batch.sources import HEADERLESS, SUFFIXES, Source, find_sources
from app.calls.analysis import Limits
from app.calls.options import CallOptions
from app.cluster import ClusterError
from app.core.bundle import find_bundles, read_bundle
from app.core.containers.headerless import describe_samples
from app.core.errors import BundleError, ChannelNotPermitted
from app.rules.errors import RulesInvalid
from app.settings import Settings

INTERRUPTED = 130


def analyze(arguments: Sequence[str]) -> int:
    """Analyze recordings, and continue after a recording that cannot be analyzed.

    Args:
        arguments: the command-line arguments after `analyze`.

    Returns:
        The exit status: 0; 1 if recordings could not be analyzed, with their names on stderr; 2 if the
        analysis could not start or the cluster was lost; 130 after Ctrl-C.
    """
    options = parse(arguments)
    try:
        settings = Settings(host="127.0.0.1")  # no server listens, so no keys are needed
        if options.model:
            settings = settings.model_copy(update={"default_model": options.model})
        settings.channel_policy.check(options.channels or ())
        sources = find_sources(options.inputs, options.list, HEADERLESS if options.encoding else SUFFIXES)
        metadata = read_metadata(options.metadata) if options.metadata else FileMetadata()
        n_without = sum(not metadata.find(source) for source in sources)
        if options.metadata and n_without:
            print(f"--metadata: {n_without} of {len(sources)} files have no metadata", file=sys.stderr)
        bundles = {
            folder.name: folder for folder in find_bundles(settings.models_dir, settings.default_model)
        }
        folder = bundles[settings.default_model]
        # The rules may name the emotions of every bundle.
        needed = bundles.values() if settings.rules else [folder]
        answers = AnswerBuilder.of(settings, {one.name: read_bundle(one).manifest for one in needed})
        return asyncio.run(_analyze(options, settings, folder.absolute(), sources, answers, metadata))
    except (BundleError, ChannelNotPermitted, ClusterError, RulesInvalid, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED


async def _analyze(
    arguments: Namespace,
    settings: Settings,
    folder: Path,
    sources: Sequence[Source],
    answers: AnswerBuilder,
    metadata: FileMetadata,
) -> int:
    """Analyze all recordings with the engine, and report the failed ones."""
    manifest = read_bundle(folder).manifest
    files = tuple(sorted(manifest.files.items()))
    limits = Limits(
        settings.min_seconds, settings.max_call_seconds, settings.call_timeout, settings.enabled_formats
    )
    least = settings.min_confidence if arguments.min_confidence is None else arguments.min_confidence
    call = CallOptions(
        channels=arguments.channels,
        merge=arguments.merge,
        roles=arguments.roles,
        min_confidence=least,
        speakers=arguments.speakers,
        speaker_order=arguments.speaker_order,
    )
    policy = settings.channel_policy
    header = b""
    if arguments.encoding:
        header = describe_samples(arguments.encoding, arguments.sampling_rate, arguments.channel_count)
    options = AnalysisOptions(folder, limits, call, policy, answers, files, header)
    if arguments.format == PARQUET:
        fingerprint = json.dumps(
            [
                files,
                call.model_dump(mode="json"),
                sorted(policy.permitted or ()),
                repr(answers.rules),
                header.hex(),
            ]
        )
        output: Output = ParquetOutput(arguments.output, sources, manifest.labels, fingerprint, metadata)
    else:
        output = TextOutput(arguments.format, arguments.output, sources, manifest.labels, metadata)
    try:
        is_local = arguments.engine == LOCAL
        async with local(options, settings) if is_local else cluster(arguments.engine, options) as engine:
            await _spread(engine, output, len(sources))
        failed = output.finish()
    finally:
        output.close()
    for name, reason in failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(sources)} files could not be analyzed", file=sys.stderr)
    return 1 if failed else 0


async def _spread(engine: Engine, output: Output, n_sources: int) -> None:
    """Analyze the remaining recordings, up to the limit of the engine at a time."""
    left = output.left
    bar = tqdm(total=n_sources, initial=n_sources - len(left), unit="file", file=sys.stderr, disable=None)
    sources = iter(left)

    async def process_sources() -> None:
        for source in sources:
            try:
                output.add(source, await engine.analyze(source))
            except NotAnalyzed as error:
                output.add(source, str(error))
            bar.update()

    with bar:
        await asyncio.gather(*(process_sources() for _ in range(engine.at_a_time)))
