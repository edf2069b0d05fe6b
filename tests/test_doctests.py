"""Run the examples in the docstrings of entry points, from the root of the project."""

import doctest
from importlib import import_module

import pytest

from testing.recordings import ROOT

MODULES = (
    "app.api.key_ring",
    "app.api.shadows",
    "app.callback_secrets",
    "app.core.bundle",
    "app.core.channels",
    "app.core.recognizer",
    "app.keys",
    "app.main",
    "app.pool.fair_queue",
    "app.pool.pool",
    "app.rollout",
    "speech_emotion_client.errors",
    "speech_emotion_client.events",
    "speech_emotion_client.options",
    "speech_emotion_client.parsing",
    "speech_emotion_client.retries",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_the_documented_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
