"""The command line of `python -m app analyze`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from app.batch.files import TEXT_FORMATS
from app.calls.options import NumberOfSpeakers, SpeakerOrder
from app.core.containers.header import MAX_CHANNELS, MAX_SAMPLING_RATE, MIN_SAMPLING_RATE
from app.core.containers.headerless import Encoding
from app.core.diarization import MAX_SPEAKERS

PARQUET = "parquet"
LOCAL = "local"


def parse(arguments: Sequence[str]) -> Namespace:
    """Parse the command line of `python -m app analyze`.

    Returns:
        The options. An invalid command line ends the program with status 2 and the reason.
    """
    parser = ArgumentParser("python -m app analyze", description="Recognize emotions in recordings of calls.")
    _add_inputs_and_outputs(parser)
    _add_analysis(parser)
    options = parser.parse_args(arguments)
    if not options.inputs and not options.list:
        parser.error("there is no input; name recordings, or give a --list of them")
    if options.encoding is None and (options.sampling_rate or options.channel_count):
        parser.error("--sampling-rate and --channel-count describe headerless audio; add --encoding")
    if options.format == "textgrid" and options.output is None:
        parser.error("--format textgrid needs --output, because Praat reads one file per recording")
    if options.format == "html" and options.output is None:
        parser.error("--format html needs --output, the folder of the pages")
    if options.format == PARQUET and options.output is None:
        parser.error("--format parquet needs --output, the path of the file")
    return options


def _add_inputs_and_outputs(parser: ArgumentParser) -> None:
    """Add the options that say what is read and written, and where it is analyzed."""
    add = parser.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="recordings, folders, globs, s3://bucket/prefix")
    add(
        "--list",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="file with more inputs, one per line; -: stdin",
    )
    add(
        "--format",
        choices=[*TEXT_FORMATS, PARQUET],
        default="json",
        help="default: json, one object per line",
    )
    add(
        "--output",
        type=Path,
        metavar="PATH",
        help="the Parquet file; for other formats, a folder with one file per recording",
    )
    add("--engine", default=LOCAL, metavar="ADDRESS", help="address of a Dask scheduler; default: local")


def _add_analysis(parser: ArgumentParser) -> None:
    """Add the options of the analysis of each recording."""
    add = parser.add_argument
    add("--model", help="name of the bundle; default: SER_DEFAULT_MODEL")
    add("--channels", type=_indices, help="channels to analyze, such as 0,1; default: all permitted channels")
    add("--roles", type=_names, default=(), help="a name for each channel, such as agent,customer")
    add(
        "--min-confidence",
        type=_share,
        metavar="P",
        help="highest probability below which a segment has no emotion; default: SER_MIN_CONFIDENCE",
    )
    add(
        "--metadata",
        type=Path,
        metavar="FILE",
        help="CSV file with the metadata of recordings: a column `file`, and a column for each key",
    )
    add(
        "--speakers",
        type=_n_speakers,
        metavar="N",
        help="number of speakers to separate on each channel, 1 to 4, or auto; default: each channel is one",
    )
    add("--speaker-order", choices=get_args(SpeakerOrder), default="first", help="default: %(default)s")
    add(
        "--encoding",
        choices=get_args(Encoding),
        help="the encoding of headerless audio; default: files with headers",
    )
    add("--sampling-rate", type=_sampling_rate, metavar="HZ", help="of headerless audio; default: 8000")
    add("--channel-count", type=_channel_count, metavar="N", help="of headerless audio; default: 1")
    add("--merge", action="store_true", help="merge neighboring segments of the same emotion")


def _indices(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _sampling_rate(text: str) -> int:
    return _between(int(text), MIN_SAMPLING_RATE, MAX_SAMPLING_RATE)


def _channel_count(text: str) -> int:
    return _between(int(text), 1, MAX_CHANNELS)


def _between(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ArgumentTypeError(f"expected {least} to {most}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError("expected a probability from 0 to 1")
    return value


def _n_speakers(text: str) -> NumberOfSpeakers:
    try:
        return TypeAdapter(NumberOfSpeakers).validate_python(int(text) if text.isdecimal() else text)
    except ValidationError as error:
        raise ArgumentTypeError(f"expected 1 to {MAX_SPEAKERS}, or auto") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))
