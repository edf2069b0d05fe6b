"""The content of the wheel of the Python client, and that it works without a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from release.check import CLIENT, ROOT, build
from speech_emotion_client import __version__


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"), CLIENT)


def test_the_wheel_has_all_files_of_the_client(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = CLIENT / "speech_emotion_client"
    expected = {
        path.relative_to(CLIENT).as_posix()
        for path in package.iterdir()
        if path.is_file() and path.suffix in {".py", ".typed"}
    }
    assert packed == expected
    assert "speech_emotion_client/py.typed" in packed


def test_the_metadata_say_what_a_user_needs(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    folder = f"speech_emotion_client-{__version__}.dist-info"
    metadata = archive.read(f"{folder}/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "\n# Speech Emotion Client\n" in metadata
    assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert (
        "speech-emotion = speech_emotion_client.command:main"
        in archive.read(f"{folder}/entry_points.txt").decode()
    )


def test_the_wheel_is_a_command_line(wheel: Path, tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-P", "-m", "speech_emotion_client", "--version"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.stdout == f"{__version__}\n", completed.stderr
