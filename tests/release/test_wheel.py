"""The content of the wheel. `make release-check` also installs it and serves from it; this takes minutes."""

import zipfile
from pathlib import Path

import pytest

from app import __version__
from release.check import build
from testing.recordings import ROOT

NOT_CODE = {".js", ".css", ".html", ".svg", ".onnx", ".inc", ".jinja", ".json", ".md", ".LICENSE", ".typed"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build(tmp_path_factory.mktemp("dist")))


def test_the_wheel_has_all_files_of_both_packages(wheel: zipfile.ZipFile) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("app", "training")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    suffixes = {Path(name).suffix for name in expected}
    assert suffixes == {*NOT_CODE, ".py"}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_the_licenses_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    names = {name.partition("/licenses/")[2] for name in wheel.namelist() if "/licenses/" in name}
    assert names == {
        "LICENSE",
        "LICENSES.md",
        "app/core/silero_vad.LICENSE",
        "app/core/speaker_encoder.LICENSE",
        "training/encoder/whisper.LICENSE",
    }


def test_the_wheel_has_the_version_of_the_package(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read(f"speech_emotion-{__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
