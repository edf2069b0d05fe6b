"""A task of a worker, and what a worker loads for all tasks.

Tasks and answers travel as JSON: they consist of numbers, strings, and lists of them. The bytes of a
recording travel beside the JSON. A call is too long for a message and stays in a file.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from app.core.recognizer import EmotionRecognizer
from app.core.speech import SpeechDetector

Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Resources that each worker loads once.

    Attributes:
        recognizers: the recognizers by the name of their bundle.
        detector: the speech detector.
    """

    recognizers: Mapping[str, EmotionRecognizer]
    detector: SpeechDetector


class Task(Protocol[Answer_co]):
    """A task of a worker: a dataclass. Its field `data`, and that of its answer, if present, holds bytes."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    answer: ClassVar[type]
    """The dataclass that `run` returns."""

    def run(self, context: WorkerContext) -> Answer_co:
        """Run the task in the worker."""
