"""Podman, for containers that run as the Compose file says."""

import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".cache" / "rehearsal"
"""The folder of the configuration and of the picture of the dashboard."""
PACKAGES = (
    *("podman", "runc", "catatonit", "netavark", "aardvark-dns", "iptables", "iproute2"),
    *("buildah", "debootstrap"),
)
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=10000:10000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"""
"""Settings without systemd, with limits that this machine can give. Names need netavark: the name server of
the older backend knows only one of the networks of a container."""


def prepare() -> None:
    """Install podman from Debian's packages if it is missing, and configure it for this process.

    Raises:
        RuntimeError: this process may not install or run it.
    """
    if os.geteuid() != 0:
        raise RuntimeError(
            "the containers need limits and networks, which only root can set: run this as root"
        )
    installed = run("dpkg-query", "--show", "--showformat", "${Package}\n").split()
    if missing := set(PACKAGES) - set(installed):
        print(f"installing {', '.join(sorted(missing))}")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *PACKAGES)
    FOLDER.mkdir(parents=True, exist_ok=True)
    configuration = FOLDER / "containers.conf"
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1_048_576)
    configuration.write_text(CONFIGURATION.format(files=files))
    os.environ["CONTAINERS_CONF"] = str(configuration)


def podman(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a command of podman.

    Args:
        arguments: the command and its options.
        stdin: text for its standard input.
        check: whether a failure is an error.

    Returns:
        Its standard output, without the white space around it.

    Raises:
        AssertionError: the command failed.
    """
    return run("podman", *arguments, stdin=stdin, check=check)


def logs(container: str) -> str:
    """Return all that a container has written to its standard output and error."""
    with tempfile.TemporaryFile("w+") as file:
        subprocess.run([_program("podman"), "logs", container], stdout=file, stderr=file, check=False)
        file.seek(0)
        return file.read()


def run(name: str, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a program of this machine, as `podman` does.

    Raises:
        AssertionError: the program is missing, or it failed.
    """
    completed = subprocess.run(
        [_program(name), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0 or not check, f"{name} {' '.join(arguments)}: {completed.stderr}"
    return completed.stdout.strip()


def _program(name: str) -> str:
    program = shutil.which(name)
    assert program, f"there is no {name} on the path"
    return program
