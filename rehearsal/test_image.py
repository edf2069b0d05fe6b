"""The image of the service."""

import json

from rehearsal import images
from rehearsal.podman import ROOT, podman


def test_the_same_files_give_the_same_image() -> None:
    """All times are those of the last commit, as `SOURCE_DATE_EPOCH` sets them with Docker."""
    options = ("--no-cache", "--timestamp", images.last_commit(ROOT))
    first, second = (images.build_service(ROOT, f"speech-emotion:build-{n}", *options) for n in (1, 2))
    layers = [json.loads(podman("inspect", image))[0]["RootFS"]["Layers"] for image in (first, second)]
    assert layers[0] == layers[1]
    assert first == second
