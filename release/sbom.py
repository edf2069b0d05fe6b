"""`make sbom`: the components of the service as a CycloneDX document in `dist/`.

cyclonedx-py lists the lock. This module adds the version of the service, the direct dependencies, the
speech detector, the speech encoder, and the license of openSMILE. The detector and the encoder are files of
this repository. The metadata of the openSMILE package wrongly says MIT. The same checkout gives the same
bytes.
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
PROVENANCE = ENCODER.with_name("provenance.json")
LICENSES = {"opensmile": "audEERING Research License Agreement"}
"""The licenses of packages with wrong metadata."""


def main() -> None:
    """Validate the document and write it to `OUTPUT`."""
    text = json.dumps(complete(listed()), indent=2, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise SystemExit(f"the document is not valid CycloneDX: {fault}")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text)
    print(f"wrote {OUTPUT.name}")


def listed() -> dict[str, Any]:
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
    """Add the version, the direct dependencies, the speech detector and the speech encoder.

    Args:
        document: the document of cyclonedx-py, which is modified in place.

    Returns:
        The same document.
    """
    service = document["metadata"]["component"]
    service |= {"version": __version__, "purl": f"pkg:pypi/{service['name']}@{__version__}"}
    for component in document["components"]:
        component["bom-ref"] = component["purl"]  # stable, unlike the line number in the lock
        del component["description"]  # the text of that line
        if component["name"] in LICENSES:
            component["licenses"] = [{"license": {"name": LICENSES[component["name"]]}}]
    direct = direct_names()
    references = [part["bom-ref"] for part in document["components"] if _normalize(part["name"]) in direct]
    document["components"] += [_detector(), _encoder()]
    # The lock does not record indirect dependencies, so the document has only direct ones.
    document["dependencies"] = [
        {"ref": service["bom-ref"], "dependsOn": sorted([*references, DETECTOR.name, ENCODER.name])},
        {"ref": DETECTOR.name},
        {"ref": ENCODER.name},
    ]
    return document


def direct_names() -> set[str]:
    """Return the normalized names of the dependencies of the service in `pyproject.toml`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {_normalize(re.split(r"[^\w.-]", requirement)[0]) for requirement in project["dependencies"]}


def _normalize(name: str) -> str:
    """Normalize the name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _detector() -> dict[str, Any]:
    """Describe the network of Silero, which is not a package of the lock."""
    return {
        "type": "machine-learning-model",
        "bom-ref": DETECTOR.name,
        "name": DETECTOR.stem,
        "version": "6.2.3",
        "licenses": [{"license": {"id": "MIT"}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(DETECTOR.read_bytes()).hexdigest()}],
    }


def _encoder() -> dict[str, Any]:
    """Describe the speech encoder in the default bundle; its version is the hash of the published weights."""
    return {
        "type": "machine-learning-model",
        "bom-ref": ENCODER.name,
        "name": ENCODER.stem,
        "version": json.loads(PROVENANCE.read_text())["weights_sha256"],
        "licenses": [{"license": {"id": "MIT"}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(ENCODER.read_bytes()).hexdigest()}],
    }


if __name__ == "__main__":
    main()
