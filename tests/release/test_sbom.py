"""The software bill of materials that `make sbom` writes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from release import licenses, sbom
from testing.recordings import ROOT


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The written document. The function `main` also validates it."""
    output = tmp_path_factory.mktemp("dist") / "sbom.cdx.json"
    sbom.main(["--output", str(output)])
    written: dict[str, Any] = json.loads(output.read_text())
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
    assert by_name["opensmile"]["licenses"] == [{"expression": "LicenseRef-audEERING-Research"}]
    assert by_name["fastapi"]["licenses"] == [{"expression": "MIT"}]
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
    assert sbom.complete(sbom.describe_lock("requirements/service.txt"), sbom.installed()) == document


@pytest.mark.parametrize("lock", ["service", "tracing", "bulk"])
def test_the_policy_allows_the_license_of_every_package_of_an_image(lock: str) -> None:
    document = sbom.complete(sbom.describe_lock(f"requirements/{lock}.txt"), sbom.installed())
    assert licenses.faults(document["components"]) == []


@pytest.mark.parametrize(
    ("name", "expression", "fault"),
    [
        ("fastapi", "GPL-3.0-only", "fastapi: GPL-3.0-only"),
        ("fastapi", "MIT AND GPL-3.0-only", "fastapi: MIT AND GPL-3.0-only"),
        ("fastapi", "", "fastapi: unknown license"),
        ("fastapi", "Proprietary, ask us", "fastapi: Proprietary, ask us"),
        ("fastapi", licenses.OPENSMILE, f"fastapi: {licenses.OPENSMILE}"),
    ],
)
def test_the_policy_refuses_other_licenses(name: str, expression: str, fault: str) -> None:
    package = {"name": name, "purl": f"pkg:pypi/{name}@1", "licenses": [{"expression": expression}]}
    assert licenses.faults([package]) == [fault]


def test_an_sbom_with_a_refused_license_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(licenses.STATED, "fastapi", "AGPL-3.0-only")
    with pytest.raises(SystemExit, match=r"fastapi: AGPL-3\.0-only"):
        sbom.main(["--output", str(tmp_path / "sbom.cdx.json")])
    assert not list(tmp_path.iterdir())
