"""The software bill of materials that `make sbom` writes."""

import json
import re
from typing import Any

import pytest

from app import __version__
from release import sbom
from testing.recordings import ROOT


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The written document. The function `main` also validates it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sbom, "OUTPUT", tmp_path_factory.mktemp("dist") / "sbom.cdx.json")
        sbom.main()
        written: dict[str, Any] = json.loads(sbom.OUTPUT.read_text())
    return written


def test_the_sbom_lists_every_pinned_package(document: dict[str, Any]) -> None:
    lock = (ROOT / "requirements" / "service.txt").read_text()
    pinned = set(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    assert len(pinned) > 20
    listed = {(part["name"], part["version"]) for part in document["components"]}
    weights = json.loads((ROOT / "training" / "encoder" / "provenance.json").read_text())["weights_sha256"]
    models = {("silero_vad", "6.2.3"), ("whisper_base_4", weights), ("speaker_encoder", "0.1.4")}
    assert listed == pinned | models


def test_the_sbom_adds_facts_that_the_packages_lack(document: dict[str, Any]) -> None:
    by_name = {part["name"]: part for part in document["components"]}
    assert document["metadata"]["component"]["version"] == __version__
    assert "audEERING" in by_name["opensmile"]["licenses"][0]["license"]["name"]
    documentation = (ROOT / "docs" / "dependencies.md").read_text()
    assert by_name["silero_vad"]["hashes"][0]["content"] in documentation
    assert by_name["speaker_encoder"]["hashes"][0]["content"] in documentation
    assert f"silero-vad {by_name['silero_vad']['version']}" in documentation


def test_the_service_depends_on_its_direct_requirements(document: dict[str, Any]) -> None:
    service = document["dependencies"][0]
    assert service["ref"] == document["metadata"]["component"]["bom-ref"]
    names = {reference.partition("@")[0].removeprefix("pkg:pypi/") for reference in service["dependsOn"]}
    assert {"fastapi", "opensmile", "onnxruntime", "silero_vad.onnx", "whisper_base_4.onnx"} <= names
    assert len(names) == len(sbom.direct_names()) + 3


def test_the_sbom_is_reproducible(document: dict[str, Any]) -> None:
    assert sbom.complete(sbom.describe_lock()) == document
