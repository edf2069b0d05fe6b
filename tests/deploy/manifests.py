"""The rendered manifests, and the settings of their containers."""

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
import yaml

from app.settings import Settings
from testing.programs import program
from testing.recordings import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
JOBS = "overlays/jobs"
KEDA = "overlays/keda"
ROLLOUT = "overlays/rollout"
OLDEST, NEWEST = "1.27", "1.37"
"""The versions of Kubernetes that are checked."""
MIB = 2**20
UNITS = {"Mi": MIB, "Gi": 1024 * MIB}
NAMES = ("speech-emotion", "speech-emotion-worker")
"""The Deployments of services and job workers."""

Manifest = dict[str, Any]


@cache
def render(folder: str) -> tuple[Manifest, ...]:
    command = [program("kubectl"), "kustomize", str(FOLDER / folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(yaml.safe_load_all(text))


def find(kind: str, folder: str = "base", name: str = "speech-emotion") -> Manifest:
    (manifest,) = (
        manifest
        for manifest in render(folder)
        if manifest["kind"] == kind and (manifest["metadata"]["name"] == name or kind == "ConfigMap")
    )
    return manifest


def container(folder: str = "base", name: str = "speech-emotion", kind: str = "Deployment") -> Manifest:
    (only,) = find(kind, folder, name)["spec"]["template"]["spec"]["containers"]
    found: Manifest = only
    return found


def predictor() -> Manifest:
    text = (FOLDER / "kserve" / "inference-service.yaml").read_text(encoding="utf-8")
    found: Manifest = yaml.safe_load(text)["spec"]["predictor"]
    return found


def settings_of(variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a container with these variables."""
    for name in [name for name in os.environ if name.startswith("SER_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        assert name.removeprefix("SER_").lower() in Settings.model_fields, name
        monkeypatch.setenv(name, value)
    return Settings()


def size(text: str) -> int:
    """Return the bytes of a quantity such as `512Mi`."""
    return int(text[:-2]) * UNITS[text[-2:]]
