"""The image of the service."""

import json
import re

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


INSTALLED = """
import json, subprocess
from importlib.metadata import distributions
from pathlib import Path
query = ["dpkg-query", "--show", "--showformat", "${Package}\\\\n"]
debian = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
packages = [part.name for part in distributions(path=["/opt/venv/lib/python3.11/site-packages"])]
unlicensed = [name for name in debian if not Path("/usr/share/doc", name, "copyright").exists()]
document = json.loads(Path("sbom.cdx.json").read_text())
print(json.dumps([packages, debian, unlicensed, document]))
"""


def test_the_sbom_of_the_image_lists_what_it_contains() -> None:
    program = ("--network", "none", "--entrypoint", "python", images.SERVICE, "-c", INSTALLED)
    packages, debian, unlicensed, document = json.loads(podman("run", "--rm", *program))
    listed = {part["name"]: part.get("purl", "") for part in document["components"]}
    assert len(packages) > 40
    assert {re.sub("[-_.]+", "-", name).lower() for name in packages} == {
        re.sub("[-_.]+", "-", name).lower() for name, purl in listed.items() if purl.startswith("pkg:pypi/")
    }
    assert set(debian) == {name for name, purl in listed.items() if purl.startswith("pkg:deb/debian/")}
    assert {"python", "silero_vad", "whisper_base_4", "speaker_encoder"} <= set(listed)
    assert all(part["licenses"] for part in document["components"])
    assert unlicensed == []
