"""What jobs lean on where there are several machines: PostgreSQL, and a store that speaks S3."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2

from testing.programs import program
from testing.service import free_port

BUCKET = "calls"


class Postgres:
    """A server of its own, on a free port of 127.0.0.1, in a folder that is gone afterwards.

    Attributes:
        url: of its database.
    """

    def __init__(self, folder: Path, user: str | None) -> None:
        """Make its files."""
        # Debian keeps the server's programs apart, by version.
        places = [str(place) for place in Path("/usr/lib/postgresql").glob("*/bin")]
        self._programs = Path(program("initdb", os.pathsep.join([*places, os.environ["PATH"]]))).parent
        self._data, self._user = folder / "data", user
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        options = ["--pgdata", str(self._data), "--auth", "trust", "--username", "postgres", "--no-sync"]
        subprocess.run(
            [str(self._programs / "initdb"), *options], user=user, cwd=folder, check=True, capture_output=True
        )

    def start(self) -> None:
        """Start it, and return once it answers."""
        data = str(self._data)
        options = ["-D", data, "-p", str(self._port), "-k", data, "-c", "fsync=off"]
        self._server = subprocess.Popen(
            [str(self._programs / "postgres"), *options],
            user=self._user,
            cwd=self._data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ready = [str(self._programs / "pg_isready"), "--port", str(self._port), "--host", "127.0.0.1"]
        for _ in range(200):
            if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise TimeoutError("PostgreSQL did not start")

    def stop(self) -> None:
        """Stop it at once, as a machine that fails does."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that runs; the root user may not run one."""
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp())
    server = None
    try:
        if user:
            shutil.chown(folder, user)
        server = Postgres(folder, user)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder)


@contextlib.contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """A store with an empty bucket; the settings that lead to it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            httpx2.put(f"{url}/{BUCKET}").raise_for_status()
            yield {
                "SER_JOBS_RECORDINGS": f"s3://{BUCKET}/recordings",
                "AWS_ENDPOINT_URL": url,
                "AWS_ACCESS_KEY_ID": "somebody",
                "AWS_SECRET_ACCESS_KEY": "something",
                "AWS_REGION": "us-east-1",
            }
        finally:
            server.kill()


def objects(settings: dict[str, str]) -> int:
    """How many objects the bucket holds."""
    listed = httpx2.get(f"{settings['AWS_ENDPOINT_URL']}/{BUCKET}?list-type=2")
    return listed.text.count("<Contents>")


def _wait_for(port: int) -> None:
    for _ in range(400):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("the store did not start")
