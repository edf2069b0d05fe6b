"""The image of the service."""

import json

from rehearsal import images
from rehearsal.podman import ROOT, podman, run


def test_the_same_files_give_the_same_image() -> None:
    # All files have the time of the last commit.
    last_commit = run("git", "-C", str(ROOT), "log", "--max-count=1", "--format=%ct")
    options = ("--no-cache", "--timestamp", last_commit)
    first, second = (images.build_service(ROOT, f"speech-emotion:build-{n}", *options) for n in (1, 2))
    layers = [json.loads(podman("inspect", image))[0]["RootFS"]["Layers"] for image in (first, second)]
    assert layers[0] == layers[1]
    assert first == second
