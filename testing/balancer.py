"""Run nginx with the shipped configuration, in front of services on this machine."""

import contextlib
import getpass
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from testing.recordings import ROOT

CONFIGURATION = ROOT / "deploy" / "nginx"
LISTEN = "listen 8080;"


def configure(folder: Path, port: int, replicas: Sequence[int]) -> None:
    """Write a configuration that listens on this machine only, with fixed addresses of the replicas."""
    text = (CONFIGURATION / "nginx.conf").read_text()
    assert text.count(LISTEN) == 1
    (folder / "nginx.conf").write_text(text.replace(LISTEN, f"listen 127.0.0.1:{port};"))
    (directive,) = [
        line
        for line in (CONFIGURATION / "replicas.conf").read_text().splitlines()
        if line.startswith("server ")
    ]
    (folder / "replicas.conf").write_text(
        "".join(
            directive.replace("replicas:8000 resolve", f"127.0.0.1:{replica}") + "\n" for replica in replicas
        )
    )


def command(nginx: str, folder: Path) -> list[str]:
    """Return the command of the compose file, but with the current user, who can write to the folder."""
    directives = f"daemon off; user {getpass.getuser()};"
    return [nginx, "-p", f"{folder}/", "-c", f"{folder}/nginx.conf", "-e", "stderr", "-g", directives]


@contextlib.contextmanager
def balancing(nginx: str, folder: Path, port: int, replicas: Sequence[int]) -> Iterator[Path]:
    """Run nginx.

    Args:
        nginx: the path of the program.
        folder: an empty folder for the configuration and the logs.
        port: the port on which nginx listens.
        replicas: the ports of the services.

    Yields:
        The access log, with one JSON object per line.
    """
    configure(folder, port, replicas)
    log = folder / "access.log"
    with log.open("wb") as out, (folder / "error.log").open("wb") as errors:
        process = subprocess.Popen(command(nginx, folder), stdout=out, stderr=errors)
        try:
            _wait_until_listening(process, port)
            yield log
        finally:
            process.terminate()
            process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")
