"""The types of the arguments of the command line. Each parses a text, or tells what the text should be."""

import argparse
from pathlib import Path

from app.core.manifest import LabelMapping
from training.data.corpora import READERS
from training.data.labels import read_mapping
from training.errors import TrainingError, with_hint
from training.models import MODELS, is_file


def integer(text: str, *, least: int, most: int | None = None) -> int:
    """Parse an integer within limits."""
    limits = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {limits}") from None
    if number < least or (most is not None and number > most):
        raise argparse.ArgumentTypeError(f"{text!r} is not {limits}")
    return number


def seconds(text: str) -> float:
    """Parse a duration of 0.01 s (a frame) to 10 s."""
    try:
        duration = float(text)
    except ValueError:
        duration = 0.0
    if not 0.01 <= duration <= 10:  # noqa: PLR2004  # the limits in the message
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.01 to 10")
    return duration


def mapping_file(path: str) -> LabelMapping:
    """Read a mapping of labels."""
    try:
        return read_mapping(Path(path))
    except TrainingError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def label_option(text: str) -> tuple[str, tuple[str, ...]]:
    """Parse NAME=OWN[,OWN…]."""
    name, _, own = text.partition("=")
    if not name or not own:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=OWN[,OWN…]")
    return name, tuple(own.split(","))


def model_option(text: str) -> str:
    """Return the name of a model, or the path of a model file, if there is such a model or file."""
    if is_file(text):
        if not Path(text).is_file():
            raise argparse.ArgumentTypeError(f"{text}: there is no such file")
    elif text not in MODELS:
        raise argparse.ArgumentTypeError(
            f"there is no model {with_hint(text, MODELS)}, and files that end in .toml"
        )
    return text


def corpus_option(text: str) -> tuple[str, Path]:
    """Parse KIND=PATH."""
    kind, _, path = text.partition("=")
    if kind not in READERS or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=PATH with KIND one of {', '.join(READERS)}")
    return kind, Path(path)
