"""The Compose file in a folder of its own, as an operator has it: with `.env`, keys, secrets and bundles."""

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import connect

from rehearsal.images import SERVICE
from rehearsal.podman import ROOT, podman
from testing import keys, local
from testing.live_client import START, STOP, Message, received
from testing.recordings import EXAMPLE
from testing.service import free_port
from testing.waiting import eventually

PROJECT = "rehearsal"
CALLER, SCRAPER = "backend", "prometheus"
"""The names of the callers, and also their keys."""
DEPENDENCE = "    depends_on:\n      service: {condition: service_healthy}\n"
"""The lines that let nginx wait for the service. With them, podman removes the service only with nginx."""
HEALTH_INTERVAL = 2.0
"""Seconds between two health checks of every container. Podman has no clock of its own without systemd."""


Start = Callable[..., "Stack"]
"""A function that starts a stack with profiles and lines of `.env`."""


class Stack:
    """The containers of some profiles.

    Attributes:
        folder: the folder with the Compose file.
        service: the address of the first service.
        balancer: the address of nginx.
        prometheus: the address of Prometheus.
        authorization: the headers of a caller with a key.
        gateway: the address of this machine in the network of the containers, once it exists.
    """

    def __init__(
        self,
        folder: Path,
        profiles: Sequence[str],
        *,
        project: str = PROJECT,
        **environment: str,
    ) -> None:
        """Write the files of the operator.

        Args:
            folder: an empty folder.
            profiles: the profiles to start.
            project: the name of the Compose project, which the names of all containers begin with.
            environment: further lines of `.env`.
        """
        self.folder, self._profiles = folder, [part for name in profiles for part in ("--profile", name)]
        self._project, self._health_interval = project, HEALTH_INTERVAL
        ports = {name: free_port() for name in ("PORT", "BALANCER_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")}
        addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self.service, self.balancer = addresses["PORT"], addresses["BALANCER_PORT"]
        self.prometheus = addresses["PROMETHEUS_PORT"]
        self.authorization = {"Authorization": f"Bearer {CALLER}"}
        variables = {
            "SER_API_KEYS": f"{keys.line(CALLER)},{keys.line(SCRAPER, 'scopes=metrics')}",
            "IMAGE_TAG": SERVICE.partition(":")[2],
            "MODELS": str(ROOT / "models"),
            **{name: str(port) for name, port in ports.items()},
            **environment,
        }
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        text = (ROOT / "docker-compose.yml").read_text()
        assert text.count(DEPENDENCE) == 1
        (folder / "docker-compose.yml").write_text(text.replace(DEPENDENCE, ""))
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        (folder / "secrets").mkdir()
        (folder / "secrets" / "metrics-key").write_text(SCRAPER)
        (folder / "secrets" / "grafana-password").write_text(secrets.token_urlsafe())
        self.gateway = ""
        self._stopped = threading.Event()
        self._clock = threading.Thread(target=self._check_health, daemon=True)

    def start(self, health_interval: float = HEALTH_INTERVAL) -> None:
        """Start all containers, and return when all are healthy.

        Args:
            health_interval: the seconds between two health checks of every container.
        """
        self._health_interval = health_interval
        self._remove()  # what an interrupted run has left
        self._create_network()
        self._clock.start()
        self.compose("up", "--detach", "--no-build")
        self.wait()

    def stop(self) -> None:
        """Remove all containers, networks and volumes."""
        self._stopped.set()
        if self._clock.is_alive():
            self._clock.join()
        self._remove()

    def _remove(self) -> None:
        self.compose("down", "--volumes", "--timeout", "5")
        for network in ("default", "jobs"):
            podman("network", "rm", "--force", f"{self._project}_{network}", check=False)
        podman("volume", "rm", "--force", f"{self._project}_data", check=False)

    def compose(self, *arguments: str) -> str:
        """Run podman-compose, and return its output."""
        command = [
            sys.executable,
            "-m",
            "podman_compose",
            "--project-name",
            self._project,
            *self._profiles,
            *arguments,
        ]
        completed = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def roll_out(self, *step: str) -> str:
        """Change the rollout of a bundle as an operator does, and return the new state."""
        return self.compose("--profile", "rollout", "run", "--rm", "--no-deps", "rollout", *step)

    def replace(self, service: str) -> None:
        """Replace the containers of a service, as `.env` says now, and return when all are healthy."""
        for name in self.containers(service):
            podman("stop", "--time", "60", name)
            podman("rm", name)
        self.compose("up", "--detach", "--no-build", "--no-recreate", "--no-deps", service)
        self.wait()

    def replace_all(self, lost_volume: str = "") -> None:
        """Replace all containers, as `.env` says now, and return when all are healthy.

        Args:
            lost_volume: a volume that starts empty.
        """
        self.compose("down")
        if lost_volume:
            podman("volume", "rm", f"{self._project}_{lost_volume}")
        self.compose("up", "--detach", "--no-build")
        self.wait()

    def set(self, name: str, value: str) -> None:
        """Change a line of `.env`, or add it."""
        file = self.folder / ".env"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{name}=")]
        file.write_text("\n".join([*lines, f"{name}={value}", ""]))

    def wait(self, seconds: float = 120) -> None:
        """Return when every container is healthy."""
        eventually(lambda: set(self.health().values()) == {"healthy"}, seconds, self.health)

    def health(self) -> dict[str, str]:
        """Return the state of health of every container, or the state of one that does not run."""
        names = self.containers()
        states = json.loads(podman("inspect", *names))
        return {
            name: state["State"]["Health"]["Status"]
            if state["State"]["Running"]
            else state["State"]["Status"]
            for name, state in zip(names, states, strict=True)
        }

    def containers(self, service: str = "") -> list[str]:
        """Return the names of all containers, or of those of a service."""
        label = f"label=com.docker.compose.project={self._project}"
        names = podman("ps", "--all", "--format", "{{.Names}}", "--filter", label).split()
        return sorted(name for name in names if name.startswith(f"{self._project}_{service}"))

    def address(self, container: str) -> str:
        """Return the address of a container for nginx."""
        (inspected,) = json.loads(podman("inspect", container))
        return f"{inspected['NetworkSettings']['Networks'][f'{self._project}_default']['IPAddress']}:8000"

    def process(self, container: str) -> int:
        """Return the process ID of a container on this machine."""
        return int(podman("inspect", "--format", "{{.State.Pid}}", container))

    def get(self, address: str, **options: Any) -> httpx2.Response:  # noqa: ANN401  # those of httpx2
        """Send a GET request with the key of the caller."""
        return local.get(address, headers=self.authorization, timeout=60, **options)

    def post(self, address: str, recording: bytes, **options: Any) -> httpx2.Response:  # noqa: ANN401
        """Send a recording with the key of the caller."""
        headers = {**self.authorization, "Content-Type": "audio/wav"}
        return local.post(address, content=recording, headers=headers, timeout=120, **options)

    def recognize(self) -> httpx2.Response:
        """Send an utterance through nginx."""
        return self.post(f"{self.balancer}/v1/audio/emotions", EXAMPLE.read_bytes())

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that nginx has logged."""
        (balancer,) = self.containers("balancer")
        return [json.loads(line) for line in podman("logs", balancer).splitlines()]

    def talk(self, samples: bytes, pause: float = 0) -> list[Message]:
        """Send a call of two channels as a live call through nginx.

        Args:
            samples: the samples of the call.
            pause: the seconds until the end of the call.

        Returns:
            All messages of the service.
        """
        return asyncio.run(self._talk(samples, pause))

    async def _talk(self, samples: bytes, pause: float) -> list[Message]:
        address = f"{self.balancer}/v1/audio/live".replace("http", "ws")
        async with connect(address, additional_headers=self.authorization) as socket:
            await socket.send(json.dumps({**START, "roles": ["agent", "customer"]}))
            await socket.send(samples)
            await asyncio.sleep(pause)
            await socket.send(json.dumps(STOP))
            return await received(socket)

    def _create_network(self) -> None:
        """Create the network, and give nginx the address of its name server: 127.0.0.11 with Docker."""
        podman("network", "create", f"{self._project}_default")
        (network,) = json.loads(podman("network", "inspect", f"{self._project}_default"))
        self.gateway = network["subnets"][0]["gateway"]
        replicas = self.folder / "deploy" / "nginx" / "replicas.conf"
        text = replicas.read_text()
        assert text.count("127.0.0.11 ") == 1
        replicas.write_text(text.replace("127.0.0.11 ", f"{self.gateway} "))

    def _check_health(self) -> None:
        while not self._stopped.wait(self._health_interval):
            for name in self.containers():
                podman("healthcheck", "run", name, check=False)
