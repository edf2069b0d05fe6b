"""`make sbom`: the components of the service as a CycloneDX document in `dist/`.

cyclonedx-py describes the packages of the lock. This module adds the version of the service, the direct
dependencies, the networks that are files of this repository, and the license of openSMILE, whose package
wrongly says MIT. The same checkout gives the same bytes.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from app import __version__

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "dist" / "sbom.cdx.json"
DETECTOR = ROOT / "app" / "core" / "silero_vad.onnx"
ENCODER = ROOT / "training" / "encoder" / "whisper_base_4.onnx"
SPEAKER_ENCODER = ROOT / "app" / "core" / "speaker_encoder.onnx"
PROVENANCE = ENCODER.with_name("provenance.json")
LICENSES = {"opensmile": "audEERING Research License Agreement"}
"""The licenses of packages with wrong metadata."""


def main() -> None:
    """Validate the document and write it to `OUTPUT`."""
    text = json.dumps(complete(describe_lock()), indent=2, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise SystemExit(f"the document is not valid CycloneDX: {fault}")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text)
    print(f"wrote {OUTPUT.name}")


def describe_lock() -> dict[str, Any]:
    """Run cyclonedx-py on the lock of the service, and return its document."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--no-validate"]
    command += ["--pyproject", "pyproject.toml", "--output-reproducible", "--spec-version", "1.6"]
    result = subprocess.run(
        [*command, "requirements/service.txt"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(result.stderr)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add the version, the direct dependencies, and the networks that are files of this repository.

    Args:
        document: the document of cyclonedx-py, which is modified in place.

    Returns:
        The same document.
    """
    service = document["metadata"]["component"]
    service |= {"version": __version__, "purl": f"pkg:pypi/{service['name']}@{__version__}"}
    for component in document["components"]:
        component["bom-ref"] = component["purl"]  # stable, while the line number in the lock is not
        del component["description"]  # the text of that line
        if component["name"] in LICENSES:
            component["licenses"] = [{"license": {"name": LICENSES[component["name"]]}}]
    direct = direct_names()
    references = [part["bom-ref"] for part in document["components"] if _normalize(part["name"]) in direct]
    weights = json.loads(PROVENANCE.read_text())["weights_sha256"]
    models = [
        _describe(DETECTOR, "6.2.3", "MIT"),
        _describe(ENCODER, weights, "MIT"),
        _describe(SPEAKER_ENCODER, "0.1.4", "Apache-2.0"),
    ]
    document["components"] += models
    names = [model["bom-ref"] for model in models]
    # The lock does not record indirect dependencies, so the document has only direct ones.
    document["dependencies"] = [
        {"ref": service["bom-ref"], "dependsOn": sorted([*references, *names])},
        *({"ref": name} for name in names),
    ]
    return document


def direct_names() -> set[str]:
    """Return the normalized names of the dependencies of the service in `pyproject.toml`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {_normalize(re.split(r"[^\w.-]", requirement)[0]) for requirement in project["dependencies"]}


def _normalize(name: str) -> str:
    """Normalize the name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _describe(model: Path, version: str, license_id: str) -> dict[str, Any]:
    """Describe a network that is a file of this repository, and not a package of the lock."""
    return {
        "type": "machine-learning-model",
        "bom-ref": model.name,
        "name": model.stem,
        "version": version,
        "licenses": [{"license": {"id": license_id}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(model.read_bytes()).hexdigest()}],
    }


if __name__ == "__main__":
    main()
