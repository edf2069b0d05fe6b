"""One file defines the version. The manifests of Kubernetes repeat it."""

import re

from app import __version__
from testing.recordings import ROOT


def test_only_one_file_of_the_code_contains_the_version() -> None:
    files = [ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "README.md"]
    files += [path for folder in ("app", "training", "release") for path in (ROOT / folder).rglob("*.py")]
    assert [file.name for file in files if __version__ in file.read_text()] == ["__init__.py"]


def test_manifests_name_the_image_of_this_version() -> None:
    tags = {
        (path.name, tag)
        for path in (ROOT / "deploy").rglob("*.yaml")
        for tag in re.findall(r"(?:speech-emotion:|newTag: \"?)([\w.-]+)", path.read_text())
    }
    assert tags
    assert {tag for _, tag in tags} == {__version__}, tags
