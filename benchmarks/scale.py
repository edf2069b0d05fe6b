"""Two replicas behind the shipped nginx configuration: the effect of deaths and replacements on clients.

    python -m benchmarks.scale

The exit status is 1 if a guarantee is broken. The services have small bundles. Each client sends its next
request as soon as it has an answer.
"""

import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.serving import free_port, put_under_load
from benchmarks.soak import OK, OVERLOADED, verdict
from benchmarks.throughput import three_seconds, wav
from testing import bundles, local
from testing.balancer import balancing
from testing.service import Service, started

N_REPLICAS = 2
N_CLIENTS = 6
SHUTDOWN_DELAY = "3"  # as in docker-compose.yml


class Site:
    """Replicas behind a load balancer.

    Attributes:
        port: the port of the balancer.
        replicas: the services.
        log: the path of the log of the balancer, with one JSON object per line.
    """

    def __init__(self, folder: Path, settings: dict[str, str], stack: ExitStack) -> None:
        """Create the site without starting it."""
        self.port = free_port()
        self.replicas: list[Service] = []
        self.log = folder / "access.log"
        self._folder = folder
        self._settings = settings
        self._stack = stack

    def start(self, nginx: str) -> None:
        """Start the replicas and the balancer, and wait until the replicas are ready."""
        self.replicas = [self._start(free_port()) for _ in range(N_REPLICAS)]
        for replica in self.replicas:
            replica.wait_until_ready()
        ports = [replica.port for replica in self.replicas]
        self._stack.enter_context(balancing(nginx, self._folder, self.port, ports))

    def replace(self, index: int, **settings: str) -> int:
        """Stop a replica with SIGTERM, and start another in its place.

        Returns:
            The exit status of the stopped replica.
        """
        self.replicas[index].process.send_signal(signal.SIGTERM)
        status = self.replicas[index].end()
        self.restart(index, **settings)
        return status

    def restart(self, index: int, **settings: str) -> None:
        """Start a replica with changed settings in place of an ended replica."""
        self._settings = {**self._settings, **settings}
        self.replicas[index] = self._start(self.replicas[index].port)
        self.replicas[index].wait_until_ready()

    def models(self) -> list[str]:
        """Return the names of the served bundles, requested through the balancer."""
        answer = local.get(f"http://127.0.0.1:{self.port}/v1/models").raise_for_status()
        return [model["name"] for model in answer.json()["models"]]

    def _start(self, port: int) -> Service:
        return self._stack.enter_context(started(**self._settings, SER_PORT=str(port)))


@contextmanager
def balanced(nginx: str, folder: Path, **settings: str) -> Iterator[Site]:
    """Run replicas behind the balancer.

    Args:
        nginx: the path of the nginx program.
        folder: an empty folder.
        settings: the environment variables of the services.
    """
    with ExitStack() as stack:
        site = Site(folder, settings, stack)
        site.start(nginx)
        yield site


def meanwhile(
    site: Site, body: bytes, action: Callable[[], None], n_clients: int = N_CLIENTS
) -> Counter[int]:
    """Count the statuses that clients receive during an action and one second after it."""
    statuses = Counter[int]()
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(action)
        while not future.done():
            statuses.update(put_under_load(site.port, body, n_clients, 1).statuses)
        future.result()
    statuses.update(put_under_load(site.port, body, n_clients, 1).statuses)
    return statuses


def killed(site: Site, body: bytes) -> bool:
    """Check that clients get only 200 while each replica is killed and restarted under load."""

    def kill_and_restart() -> None:
        for index in range(N_REPLICAS):
            time.sleep(2)
            site.replicas[index].process.kill()
            time.sleep(2)
            site.restart(index)

    statuses = meanwhile(site, body, kill_and_restart)
    return verdict(
        f"{N_REPLICAS} replicas killed, one after the other: {describe(statuses)}",
        passed=set(statuses) == {OK},
    )


def replaced(site: Site, body: bytes, models: Path) -> bool:
    """Check that clients get only 200 while each replica is replaced by one with an additional bundle."""
    before = site.models()
    ended: list[int] = []

    def roll() -> None:
        ended.extend(site.replace(index, SER_MODELS_DIR=str(models)) for index in range(N_REPLICAS))

    statuses = meanwhile(site, body, roll)
    after = site.models()
    return verdict(
        f"a new bundle, {before} → {after}: {describe(statuses)}, exit statuses {ended}",
        passed=set(statuses) == {OK} and set(ended) == {0} and set(before) < set(after),
    )


def crowded(site: Site, body: bytes, n_slots: int) -> bool:
    """Check that excess requests get 503, and that nginx marks no replica as unavailable."""
    n_clients = 3 * n_slots
    load = put_under_load(site.port, body, n_clients, 10)
    # Without an available replica, nginx logs the name of the upstream in place of an address.
    unserved = site.log.read_text().count('"replicas":"service"')
    return verdict(
        f"{n_clients} clients for {n_slots} slots: {describe(load.statuses)}, {unserved} times no replica",
        passed=set(load.statuses) == {OK, OVERLOADED} and unserved == 0,
    )


def describe(statuses: Mapping[int, int]) -> str:
    """Format the count of each status."""
    return ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))


def main() -> int:
    """Run the checks and print the results.

    Returns:
        The exit status; 1 if a guarantee is broken.
    """
    nginx = shutil.which("nginx")
    if nginx is None:
        raise SystemExit("nginx is not installed; `make programs` installs it on Debian")
    body = wav(three_seconds())
    with ExitStack() as stack:
        old, new, folder, crowd = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4))
        bundles.write(old, "small")
        shutil.copytree(old, new, dirs_exist_ok=True)
        bundles.write(new, "other", "eGeMAPSv02")
        settings = {"SER_MODELS_DIR": str(old), "SER_DEFAULT_MODEL": "small", "SER_WORKERS": "1"}
        settings["SER_SHUTDOWN_DELAY"] = SHUTDOWN_DELAY
        with balanced(nginx, folder, **settings) as site:
            passed = [killed(site, body), replaced(site, body, new)]
        with balanced(nginx, crowd, **settings, SER_QUEUE_DEPTH="1", SER_KEY_CONCURRENCY="2") as site:
            passed.append(crowded(site, body, 2 * N_REPLICAS))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
