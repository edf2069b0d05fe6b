"""Backends for jobs on several machines: a PostgreSQL server and an object store with the API of S3."""

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

from testing import local
from testing.programs import program
from testing.service import free_port

BUCKET = "calls"


class Postgres:
    """A PostgreSQL server on a free port of 127.0.0.1.

    Attributes:
        url: the address of its database.
    """

    def __init__(self, folder: Path, user: str | None) -> None:
        """Create the data folder of the server."""
        # Debian installs the programs of each version of the server in a separate folder.
        folders = [str(folder_of_version) for folder_of_version in Path("/usr/lib/postgresql").glob("*/bin")]
        self._programs = Path(program("initdb", os.pathsep.join([*folders, os.environ["PATH"]]))).parent
        self._data, self._user = folder / "data", user
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        options = ["--pgdata", str(self._data), "--auth", "trust", "--username", "postgres", "--no-sync"]
        subprocess.run(
            [str(self._programs / "initdb"), *options], user=user, cwd=folder, check=True, capture_output=True
        )

    @property
    def pid(self) -> int:
        """The process ID of the server."""
        assert self._server is not None
        return self._server.pid

    @property
    def programs(self) -> Path:
        """The folder of the programs of the server, such as `pgbench`."""
        return self._programs

    def start(self) -> None:
        """Start the server, and return when it accepts connections."""
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
        """Stop the server immediately, as if its machine failed."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server. It refuses to run as root; for root, it runs as `nobody`."""
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
    """Run a store with an empty bucket, and yield the settings of a service that uses it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            local.put(f"{url}/{BUCKET}").raise_for_status()
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
    """Return the number of objects in the bucket."""
    listing = local.get(f"{settings['AWS_ENDPOINT_URL']}/{BUCKET}?list-type=2")
    return listing.text.count("<Contents>")


def _wait_for(port: int) -> None:
    for _ in range(400):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("the store did not start")
