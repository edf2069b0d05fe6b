"""Images, stacks and load that several rehearsals share."""

from collections.abc import Iterator

import pytest

from rehearsal import images, podman
from rehearsal.stack import Stack, Start


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """Podman and all images."""
    podman.prepare()
    images.build()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A function that starts a stack with profiles and lines of `.env`, until the module ends."""
    stacks: list[Stack] = []

    def start(*profiles: str, **environment: str) -> Stack:
        stack = Stack(tmp_path_factory.mktemp("stack"), profiles, **environment)
        stacks.append(stack)
        stack.start()
        return stack

    try:
        yield start
    finally:
        for stack in stacks:
            stack.stop()
