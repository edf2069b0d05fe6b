"""`make sbom`: what the service is made of, as a CycloneDX document in `dist/`.

cyclonedx-py lists the lock. What it cannot know is added: our version, which dependencies are our own,
the speech detector, which is a file here, and the licence of openSMILE, whose package says MIT of itself.
The same checkout gives the same bytes.
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
LICENCES = {"opensmile": "audEERING Research License Agreement"}
"""Of packages whose metadata is wrong."""


def main() -> None:
    """Write the document, valid, to `OUTPUT`."""
    text = json.dumps(complete(listed()), indent=2, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise SystemExit(f"not valid CycloneDX: {fault}")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text)
    print(f"{OUTPUT.name} is written")


def listed() -> dict[str, Any]:
    """The document that cyclonedx-py makes of the service's lock."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--no-validate"]
    command += ["--pyproject", "pyproject.toml", "--output-reproducible", "--spec-version", "1.6"]
    made = subprocess.run(
        [*command, "requirements/service.txt"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise SystemExit(made.stderr)
    document: dict[str, Any] = json.loads(made.stdout)
    return document


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add our version, what we depend on, and the speech detector.

    Args:
        document: of cyclonedx-py; it is changed.
    """
    ours = document["metadata"]["component"]
    ours |= {"version": __version__, "purl": f"pkg:pypi/{ours['name']}@{__version__}"}
    for component in document["components"]:
        component["bom-ref"] = component["purl"]  # not the line of the lock, which moves
        del component["description"]  # the line itself
        if component["name"] in LICENCES:
            component["licenses"] = [{"license": {"name": LICENCES[component["name"]]}}]
    direct = _direct_names()
    references = [part["bom-ref"] for part in document["components"] if _same(part["name"]) in direct]
    document["components"].append(_detector())
    # What these depend on in turn, the lock does not say, so that no more is claimed.
    document["dependencies"] = [
        {"ref": ours["bom-ref"], "dependsOn": sorted([*references, DETECTOR.name])},
        {"ref": DETECTOR.name},
    ]
    return document


def _direct_names() -> set[str]:
    """What `pyproject.toml` names for the service."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {_same(re.split(r"[^\w.-]", requirement)[0]) for requirement in project["dependencies"]}


def _same(name: str) -> str:
    """The one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _detector() -> dict[str, Any]:
    """Silero's network, which is no package of the lock."""
    return {
        "type": "machine-learning-model",
        "bom-ref": DETECTOR.name,
        "name": DETECTOR.stem,
        "version": "6.2.3",
        "licenses": [{"license": {"id": "MIT"}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(DETECTOR.read_bytes()).hexdigest()}],
    }


if __name__ == "__main__":
    main()
