"""The version stands in one place; what has to repeat it says the same."""

import re

from app import __version__
from testing.recordings import ROOT


def test_no_other_file_of_the_code_says_which_version_it_is() -> None:
    files = [ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "README.md"]
    files += [path for room in ("app", "training", "release") for path in (ROOT / room).rglob("*.py")]
    assert [file.name for file in files if __version__ in file.read_text()] == ["__init__.py"]


def test_manifests_name_the_image_of_this_version() -> None:
    tags = {
        (path.name, tag)
        for path in (ROOT / "deploy").rglob("*.yaml")
        for tag in re.findall(r"(?:speech-emotion:|newTag: \"?)([\w.-]+)", path.read_text())
    }
    assert tags
    assert {tag for _, tag in tags} == {__version__}, tags
