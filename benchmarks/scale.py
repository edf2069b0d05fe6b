"""Two replicas behind the nginx that is shipped: what clients see when one dies, or is replaced.

    python -m benchmarks.scale

Each promise that is broken ends with status 1. Services with small bundles, clients that ask as soon as they
have their answer.
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

import httpx2

from benchmarks.serving import free_port, put_under_load
from benchmarks.soak import OK, OVERLOADED, verdict
from benchmarks.throughput import three_seconds, wav
from tests import bundles
from tests.deploy.balancer import balancing
from tests.service import Service, started

N_REPLICAS = 2
N_CLIENTS = 6
SHUTDOWN_DELAY = "3"  # as in docker-compose.yml


class Site:
    """Replicas behind a balancer.

    Attributes:
        port: of the balancer.
        replicas: the services.
        log: of the balancer, a JSON object a line.
    """

    def __init__(self, folder: Path, settings: dict[str, str], stack: ExitStack) -> None:
        """Describe it; nothing runs yet."""
        self.port = free_port()
        self.replicas: list[Service] = []
        self.log = folder / "access.log"
        self._folder = folder
        self._settings = settings
        self._stack = stack

    def start(self, nginx: str) -> None:
        """Start the replicas and the balancer; return once all are ready."""
        self.replicas = [self._start(free_port()) for _ in range(N_REPLICAS)]
        for replica in self.replicas:
            replica.wait_until_ready()
        ports = [replica.port for replica in self.replicas]
        self._stack.enter_context(balancing(nginx, self._folder, self.port, ports))

    def replace(self, index: int, **settings: str) -> int:
        """Stop a replica as an operator does, and start another in its place.

        Returns:
            The exit status of the one that was stopped.
        """
        self.replicas[index].process.send_signal(signal.SIGTERM)
        status = self.replicas[index].end()
        self.restart(index, **settings)
        return status

    def restart(self, index: int, **settings: str) -> None:
        """Start a replica, with settings changed, in the place of one that has ended."""
        self._settings = {**self._settings, **settings}
        self.replicas[index] = self._start(self.replicas[index].port)
        self.replicas[index].wait_until_ready()

    def models(self) -> list[str]:
        """The bundles that are served, as the balancer tells."""
        answer = httpx2.get(f"http://127.0.0.1:{self.port}/v1/models").raise_for_status()
        return [model["name"] for model in answer.json()["models"]]

    def _start(self, port: int) -> Service:
        return self._stack.enter_context(started(**self._settings, SER_PORT=str(port)))


@contextmanager
def balanced(nginx: str, folder: Path, **settings: str) -> Iterator[Site]:
    """Run replicas behind the balancer.

    Args:
        nginx: the program.
        folder: an empty one.
        settings: environment variables of the services.
    """
    with ExitStack() as stack:
        site = Site(folder, settings, stack)
        site.start(nginx)
        yield site


def meanwhile(site: Site, body: bytes, deed: Callable[[], None], n_clients: int = N_CLIENTS) -> Counter[int]:
    """What clients are answered while something is done, and for a second more: how often each status."""
    statuses = Counter[int]()
    with ThreadPoolExecutor(1) as executor:
        doing = executor.submit(deed)
        while not doing.done():
            statuses.update(put_under_load(site.port, body, n_clients, 1).statuses)
        doing.result()
    statuses.update(put_under_load(site.port, body, n_clients, 1).statuses)
    return statuses


def killed(site: Site, body: bytes) -> bool:
    """Each replica is killed under load, and comes back: nobody notices."""

    def kill_and_restart() -> None:
        for index in range(N_REPLICAS):
            time.sleep(2)
            site.replicas[index].process.kill()
            time.sleep(2)
            site.restart(index)

    statuses = meanwhile(site, body, kill_and_restart)
    return verdict(
        f"{N_REPLICAS} replicas killed, one after the other: {told(statuses)}", kept=set(statuses) == {OK}
    )


def replaced(site: Site, body: bytes, models: Path) -> bool:
    """One after the other is stopped and started with another bundle beside the first: nobody notices."""
    before = site.models()
    ended: list[int] = []

    def roll() -> None:
        ended.extend(site.replace(index, SER_MODELS_DIR=str(models)) for index in range(N_REPLICAS))

    statuses = meanwhile(site, body, roll)
    after = site.models()
    return verdict(
        f"a new bundle, {before} → {after}: {told(statuses)}, exit statuses {ended}",
        kept=set(statuses) == {OK} and set(ended) == {0} and set(before) < set(after),
    )


def crowded(site: Site, body: bytes, n_places: int) -> bool:
    """Beyond all places 503 is answered, and no replica is taken for gone."""
    n_clients = 3 * n_places
    load = put_under_load(site.port, body, n_clients, 10)
    # nginx then names its upstream where an address would stand.
    deserted = site.log.read_text().count('"replicas":"service"')
    return verdict(
        f"{n_clients} clients for {n_places} places: {told(load.statuses)}, {deserted} times no replica",
        kept=set(load.statuses) == {OK, OVERLOADED} and deserted == 0,
    )


def told(statuses: Mapping[int, int]) -> str:
    """How often each status, as a text."""
    return ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))


def main() -> int:
    """Measure, print and judge."""
    nginx = shutil.which("nginx")
    if nginx is None:
        raise SystemExit("this needs nginx: `make programs` installs Debian's")
    body = wav(three_seconds())
    with ExitStack() as stack:
        old, new, folder, crowd = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4))
        bundles.write(old, "small")
        shutil.copytree(old, new, dirs_exist_ok=True)
        bundles.write(new, "other", "eGeMAPSv02")
        settings = {"SER_MODELS_DIR": str(old), "SER_DEFAULT_MODEL": "small", "SER_WORKERS": "1"}
        settings["SER_SHUTDOWN_DELAY"] = SHUTDOWN_DELAY
        with balanced(nginx, folder, **settings) as site:
            kept = [killed(site, body), replaced(site, body, new)]
        with balanced(nginx, crowd, **settings, SER_QUEUE_DEPTH="1") as site:
            kept.append(crowded(site, body, 2 * N_REPLICAS))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
