"""The interface of a harness: a module with a function that takes any bytes."""

import atexit
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, cast

NAMES = ("bundle", "containers", "decode", "inference", "live", "multipart", "rules")
"""The harnesses, which are modules of `fuzz.harnesses`."""


class Harness(Protocol):
    """A harness.

    Attributes:
        ERRORS: the documented errors of the code that the harness calls. Any other error is a crash.
    """

    ERRORS: tuple[type[Exception], ...]

    def seeds(self) -> Iterator[bytes]:
        """Yield valid inputs, from which the fuzzer starts."""

    def run(self, data: bytes) -> None:
        """Give an input to the code."""


def load(name: str) -> Harness:
    """Import a harness.

    Args:
        name: one of `NAMES`.
    """
    return cast("Harness", import_module(f"fuzz.harnesses.{name}"))


def execute(harness: Harness, data: bytes) -> None:
    """Run a harness once. Its documented errors end the run without a crash.

    Raises:
        Exception: an error that is not documented, which is a fault of the code.
    """
    with suppress(*harness.ERRORS):
        harness.run(data)


@cache
def folder() -> Path:
    """Return a folder for the files of an input, which the files of the next input replace.

    A folder for each input would cost more time than the code that the harness runs.
    """
    temporary = TemporaryDirectory()
    atexit.register(temporary.cleanup)
    return Path(temporary.name)
