"""The package `ws` of npm as a client: a WebSocket that others wrote."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.live_client import START, address, encoded, timeline
from testing.programs import program
from testing.service import Service

CLIENT = Path(__file__).parent / "ws"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with the package of its lock file."""
    folder = tmp_path_factory.mktemp("ws")
    shutil.copytree(CLIENT, folder, dirs_exist_ok=True)
    options = ["--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([program("npm"), "ci", *options], cwd=folder, check=True, timeout=120)
    return folder / "client.mjs"


def test_ws_gets_the_timeline_of_the_recording(service: Service, client: Path, tmp_path: Path) -> None:
    wav, raw = encoded()
    audio = tmp_path / "audio.raw"
    audio.write_bytes(raw)
    command = [program("node"), str(client), address(service), json.dumps(START), str(audio)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    assert [message["type"] for message in messages[-2:]] == ["summary", "closed"]
    assert messages[-2]["timeline"] == timeline(service, wav)
