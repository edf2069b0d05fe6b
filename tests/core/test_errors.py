import importlib
import pickle
import re

import pytest

from app.core import errors
from app.core.errors import SpeechEmotionError

MODULES = ("app.pool.pool", "app.api.upload", "app.batch.engine", "training.errors")


def tree(root: type[SpeechEmotionError]) -> list[type[SpeechEmotionError]]:
    for module in MODULES:
        importlib.import_module(module)
    return [root, *(below for child in root.__subclasses__() for below in tree(child))]


def test_the_drawing_shows_every_error() -> None:
    drawn = re.findall(r"^    [│├└─ ]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(error.__name__ for error in tree(SpeechEmotionError))


@pytest.mark.parametrize("error", tree(SpeechEmotionError))
def test_every_error_crosses_from_a_worker_with_its_message(error: type[SpeechEmotionError]) -> None:
    again = pickle.loads(pickle.dumps(error("what to do")))  # noqa: S301  # our own, as a worker sends it
    assert type(again) is error
    assert str(again) == "what to do"
