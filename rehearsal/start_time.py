"""Compare the size and the start of two images: `python -m rehearsal.start_time OLD NEW`.

Example:
    $ python -m rehearsal.start_time speech-emotion:0.1.0 speech-emotion:rehearsal
"""

import argparse
import statistics
import sys
import time

from rehearsal import podman
from testing import local
from testing.service import free_port
from testing.waiting import eventually

NETWORK = "start-time"
N_STARTS = 8
LIMIT = 60.0
"""The longest start in seconds."""


def main() -> int:
    """Start containers of both images in turn, and print the sizes, the medians and their ratios."""
    parser = argparse.ArgumentParser(description="Compare the size and the start of two images.")
    parser.add_argument("images", nargs=2, help="the names of the images, the older one first")
    images = parser.parse_args().images
    podman.prepare()
    starts: dict[str, list[float]] = {image: [] for image in images}
    podman.podman("network", "rm", "--force", NETWORK, check=False)  # what an interrupted run has left
    podman.podman("network", "create", NETWORK)
    try:
        for turn in range(N_STARTS):
            for image in images if turn % 2 else reversed(images):
                starts[image].append(start(image))
    finally:
        podman.podman("network", "rm", "--force", NETWORK)
    sizes = {
        image: int(podman.podman("image", "inspect", image, "--format", "{{.Size}}")) for image in images
    }
    for image in images:
        times = starts[image]
        print(
            f"{image}: {sizes[image] / 1e6:.1f} MB, ready after {statistics.median(times):.2f} s "
            f"({min(times):.2f} to {max(times):.2f}, {N_STARTS} starts)"
        )
    old, new = images
    ratio = statistics.median(starts[new]) / statistics.median(starts[old])
    print(f"{new} over {old}: size {sizes[new] / sizes[old]:.3f}, start {ratio:.2f}")
    return 0


def start(image: str) -> float:
    """Start a container as docs/operations.md does, and return the seconds until it is ready.

    Raises:
        TimeoutError: it was not ready within LIMIT.
    """
    port = free_port()
    options = ("--read-only", "--tmpfs=/tmp", "--cap-drop", "ALL", "--network", NETWORK)
    published = ("--publish", f"127.0.0.1:{port}:8000", "--env", "SER_ALLOW_UNAUTHENTICATED=true")
    began = time.monotonic()
    container = podman.podman(
        "run", "--rm", "--detach", *options, *published, "--env", "SER_WORKERS=2", image
    )
    try:
        eventually(lambda: local.get(f"http://127.0.0.1:{port}/health/ready", timeout=1).is_success, LIMIT)
        return time.monotonic() - began
    finally:
        podman.podman("kill", container)


if __name__ == "__main__":
    sys.exit(main())
