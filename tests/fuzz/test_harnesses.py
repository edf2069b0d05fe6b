"""The harnesses run without a fuzzer, so that they cannot rot."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fuzz import __main__ as command
from fuzz import sanitized
from fuzz.harness import NAMES, execute, load
from testing.mutations import MUTATIONS, mutate
from testing.recordings import ROOT


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bundle"])
def test_the_seeds_are_valid(name: str) -> None:
    harness = load(name)
    for seed in harness.seeds():
        harness.run(seed)


def test_the_seeds_of_bundles_are_valid_up_to_their_network() -> None:
    harness = load("bundle")
    for seed in harness.seeds():
        with pytest.raises(harness.ERRORS, match="ONNX Runtime cannot load"):
            harness.run(seed)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_seeds_get_documented_errors_only(name: str) -> None:
    harness, random = load(name), np.random.default_rng(0)
    seeds = list(harness.seeds())
    execute(harness, b"")
    for number in range(30):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        execute(harness, mutate(seeds[number % len(seeds)], [(mutation, int(random.integers(2**32)))]))


def test_soundfile_ships_the_version_of_libsndfile_that_is_built_for_the_fuzzer() -> None:
    assert soundfile.__libsndfile_version__ == sanitized.VERSION


def test_every_module_of_a_harness_is_listed() -> None:
    files = {file.stem for file in (ROOT / "fuzz" / "harnesses").glob("[!_]*.py")}
    assert files == set(NAMES)


class Planted:
    """A harness whose code has a fault."""

    ERRORS: tuple[type[Exception], ...] = (KeyError,)

    def __init__(self, error: Exception) -> None:
        self.error = error

    def seeds(self) -> Iterator[bytes]:
        yield b""

    def run(self, data: bytes) -> None:  # noqa: ARG002  # as in the protocol
        raise self.error


def test_only_documented_errors_are_accepted() -> None:
    execute(Planted(KeyError("documented")), b"")
    with pytest.raises(LookupError, match="not documented"):
        execute(Planted(LookupError("not documented")), b"")


def test_a_planted_fault_is_found_with_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def faulty(*_: object) -> None:
        raise IndexError("planted")

    monkeypatch.setattr(load("inference"), "parse_request", faulty)
    file = tmp_path / "input"
    file.write_bytes(next(iter(load("inference").seeds())))
    with pytest.raises(IndexError, match="planted"):
        command.main(["inference", "--input", str(file)])


ENGINE = """
import sys
from pathlib import Path

options = dict(argument[1:].split("=") for argument in sys.argv[2:-1])
print("INFO: seed corpus: files: 2\\n#2 INITED\\nstat::number_of_executed_units: 1234")
if sys.argv[1] == "rules":
    Path(options["artifact_prefix"] + "crash-1").write_bytes(b"bad")
    sys.exit(77)
"""


def test_a_crash_is_reported_with_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = tmp_path / "engine.py"
    engine.write_text(ENGINE)
    monkeypatch.setattr(command, "ENGINE", [sys.executable, str(engine)])
    folder = str(tmp_path / "fuzz")
    assert command.main(["inference", "--folder", folder]) == 0
    assert capsys.readouterr().out == "inference: 1,234 executions, no crash\n"
    assert command.main(["inference", "rules", "--folder", folder]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "inference: 1,234 executions, no crash"
    found = re.fullmatch(r"rules: 1,234 executions, CRASH; see .*; repeat: python -m fuzz (.*)", lines[1])
    assert found is not None
    assert found[1] == f"rules --input {tmp_path / 'fuzz' / 'rules' / 'crashes' / 'crash-1'}"
    assert list((tmp_path / "fuzz" / "rules" / "corpus").iterdir())
    monkeypatch.setattr(sanitized, "environment", lambda _: {"ASAN_OPTIONS": ""})
    assert command.main(["rules", "--sanitized", "--folder", folder]) == 1
    assert capsys.readouterr().out.endswith("crash-1 --sanitized\n")


def test_an_engine_that_does_not_start_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ENGINE", [sys.executable, "-c", "raise SystemExit(1)"])
    assert command.main(["inference", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("inference: 0 executions, failed; see ")
