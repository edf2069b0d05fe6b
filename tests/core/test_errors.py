import importlib
import pickle
import re

import pytest

from app.core import errors
from app.core.errors import SpeechEmotionError

MODULES = ("app.pool.pool", "app.api.upload", "app.batch.engine", "app.cluster", "training.errors")


def tree(root: type[SpeechEmotionError]) -> list[type[SpeechEmotionError]]:
    for module in MODULES:
        importlib.import_module(module)
    return [root, *(descendant for child in root.__subclasses__() for descendant in tree(child))]


def test_the_tree_in_the_docstring_shows_every_error() -> None:
    drawn = re.findall(r"^    [│├└─ ]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(error.__name__ for error in tree(SpeechEmotionError))


@pytest.mark.parametrize("error", tree(SpeechEmotionError))
def test_a_pickled_error_keeps_its_type_and_message(error: type[SpeechEmotionError]) -> None:
    restored = pickle.loads(pickle.dumps(error("what to do")))  # noqa: S301  # a worker sends its errors this way
    assert type(restored) is error
    assert str(restored) == "what to do"
