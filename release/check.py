"""`make release-check`: build the release, install it outside the checkout, and send it requests.

The wheel is built from the sdist. It contains no bundles; SER_MODELS_DIR names their folder. The wheel
of the Python client sends a request too.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from app import __version__

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "clients" / "python"
OK = 200
READY_WITHIN = 60.0


def main() -> None:
    """Run all steps. An AssertionError or a failed command identifies the broken step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, client = build(folder / "dist"), build(folder / "client", CLIENT)
        print(f"built {wheel.name} and {client.name}", flush=True)
        python = install(wheel, folder / "environment")
        print("installed the wheel and the dependencies of the lock", flush=True)
        models, elsewhere = folder / "models", folder / "elsewhere"
        models.symlink_to(ROOT / "models")
        elsewhere.mkdir()
        with served(python, elsewhere, SER_MODELS_DIR=str(models)) as port:
            check_answers(port)
            check_client(client, port, elsewhere)
    print(f"version {__version__} serves from its wheel")


def build(output: Path, project: Path = ROOT) -> Path:
    """Build the sdist and the wheel of a project with the pinned backend, without a network.

    Args:
        output: the folder for both files.
        project: the folder of the project.

    Returns:
        The path of the wheel.
    """
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "build", "--quiet", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*command, "--out-dir", output, project], check=True)
    (sdist,) = output.glob("*.tar.gz")
    (wheel,) = output.glob("*.whl")
    name = f"speech_emotion-{__version__}"
    if project == CLIENT:
        name = f"speech_emotion_client-{client_version()}"
    assert sdist.name == f"{name}.tar.gz"
    assert wheel.name == f"{name}-py3-none-any.whl"
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Install a wheel and the lock of the service into a new environment.

    Args:
        wheel: the path of the wheel.
        environment: the folder of the new environment.

    Returns:
        The path of the Python interpreter of the environment.
    """
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    locked = ["--require-hashes", "--only-binary", ":all:", "--requirement", "requirements/service.txt"]
    subprocess.run([*install, *locked], cwd=ROOT, check=True)
    subprocess.run([*install, "--no-index", wheel], check=True)
    return python


@contextlib.contextmanager
def served(python: Path, folder: Path, **settings: str) -> Iterator[int]:
    """Run the service, and check that it stops cleanly.

    Args:
        python: the path of the Python interpreter.
        folder: the working directory.
        settings: the environment variables.

    Yields:
        The port of the service.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    # With -P and without PYTHONPATH, Python finds only installed packages.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SER_", "PYTHON"))}
    environment = {**inherited, "SER_PORT": str(port), "SER_WORKERS": "1", **settings}
    process = subprocess.Popen([python, "-P", "-m", "app"], cwd=folder, env=environment)
    try:
        limit = time.monotonic() + READY_WITHIN
        while not _is_ready(port):
            assert process.poll() is None, "the service did not start"
            assert time.monotonic() < limit, "the service did not become ready"
            time.sleep(0.1)
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(READY_WITHIN) == 0, "the service did not stop cleanly"
    finally:
        process.kill()
        process.wait()


def check_answers(port: int) -> None:
    """Check the answer for a recording, the page, and the version."""
    recording = (ROOT / "examples" / "utterance.wav").read_bytes()
    answer = json.loads(_request(port, "POST", "/v1/audio/emotions", recording))
    assert answer["speech"] is True, answer
    print(f"{answer['emotion']} in examples/utterance.wav", flush=True)
    assert b"<html" in _request(port, "GET", "/")
    assert b"export" in _request(port, "GET", "/page/api.js")
    assert json.loads(_request(port, "GET", "/openapi.json"))["info"]["version"] == __version__


def check_client(wheel: Path, port: int, folder: Path) -> None:
    """Send a recording with the command line of the Python client, from its wheel and with pinned libraries.

    Args:
        wheel: the path of the wheel.
        port: the port of the service.
        folder: the working directory.
    """
    # Python imports from a wheel as from a folder. With -P, it does not import from the checkout.
    command = [sys.executable, "-P", "-m", "speech_emotion_client", "--url", f"http://127.0.0.1:{port}"]
    subprocess.run(
        [*command, "recognize", ROOT / "examples" / "utterance.wav"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        check=True,
    )


def client_version() -> str:
    """Return the version of the Python client, without importing its dependencies."""
    text = (CLIENT / "speech_emotion_client" / "version.py").read_text()
    return text.rpartition("__version__ = ")[2].strip().strip('"')


def _request(port: int, method: str, path: str, body: bytes | None = None) -> bytes:
    """Send a request, and return the body of the response, whose status must be 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_WITHIN)
    connection.request(method, path, body, {"Content-Type": "audio/wav"} if body else {})
    response = connection.getresponse()
    content = response.read()
    assert response.status == OK, (path, response.status, content)
    return content


def _is_ready(port: int) -> bool:
    try:
        _request(port, "GET", "/health/ready")
    except (ConnectionError, AssertionError):
        return False
    return True


if __name__ == "__main__":
    main()
