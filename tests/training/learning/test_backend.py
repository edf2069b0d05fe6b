"""The choice of a backend. These tests have no torch; `benchmarks.gpu` runs both backends."""

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import keras
import pytest

from testing.recordings import ROOT
from training.errors import TrainingError
from training.learning import backend

# The backends themselves have no part in this. Without them, the program starts ten times as fast.
CONTINUES = """
import os, sys
from unittest.mock import MagicMock
sys.modules["keras"] = keras = MagicMock()
keras.backend.backend.return_value = os.environ.get("KERAS_BACKEND", "torch")
for name in ("batches", "metrics", "tensorflow_backend", "torch_backend"):
    sys.modules[f"training.learning.{name}"] = MagicMock()
from training.learning import backend
print(backend.NAME, sys.argv[1:], flush=True)
backend.continue_with_tensorflow("all is trained")
"""


def chosen(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module as a process imports it whose Keras has another backend."""
    monkeypatch.setattr(keras.backend, "backend", lambda: name)
    spec = spec_from_file_location("chosen", backend.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tensorflow_is_the_default() -> None:
    assert backend.trained_with() == "tensorflow on CPU"


def test_torch_is_chosen_by_the_backend_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_backend = ModuleType("torch_backend")
    torch_backend.device = lambda: "NVIDIA H100"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "training.learning.torch_backend", torch_backend)
    assert chosen("torch", monkeypatch).trained_with() == "torch on NVIDIA H100"


def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="cannot train with jax here: set KERAS_BACKEND=tensorflow"):
        chosen("jax", monkeypatch)


def test_a_command_with_torch_starts_again_with_tensorflow_and_its_arguments() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    command = [sys.executable, "-c", CONTINUES, "two words", "--option"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert ended.stdout.splitlines() == [
        "torch ['two words', '--option']",
        "all is trained: starting the command again with KERAS_BACKEND=tensorflow",
        "tensorflow ['two words', '--option']",
    ]


def test_only_the_export_needs_the_converter() -> None:
    # As above, the backends have no part in this, and take seconds to import.
    program = (
        "import sys; from unittest.mock import MagicMock; stand_in = MagicMock();"
        "stand_in.backend.backend.return_value = 'tensorflow';"
        "sys.modules |= dict.fromkeys(('keras', 'tensorflow'), stand_in);"
        "import training.compare, training.train;"
        "sys.exit(len({'tf2onnx', 'training.publish.export'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
