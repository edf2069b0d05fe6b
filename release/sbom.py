"""`make sbom`: the components of the service as a CycloneDX document in `dist/`.

cyclonedx-py describes the packages of the lock. This module adds the version of the service, the direct
dependencies, the license of each package, and the networks that are files of this repository. The
Dockerfile writes a document into the image, which also lists the Debian packages there. The same checkout
gives the same bytes.
"""

import argparse
import hashlib
import json
import platform
import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from app import __version__
from release.licenses import faults, license_of

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "dist" / "sbom.cdx.json"
DETECTOR = ROOT / "app" / "core" / "silero_vad.onnx"
ENCODER = ROOT / "training" / "encoder" / "whisper_base_4.onnx"
SPEAKER_ENCODER = ROOT / "app" / "core" / "speaker_encoder.onnx"
PROVENANCE = ENCODER.with_name("provenance.json")


def main(arguments: list[str]) -> None:
    """Check the licenses, validate the document and write it."""
    parser = argparse.ArgumentParser(prog="python -m release.sbom")
    parser.add_argument("--lock", default="requirements/service.txt", help="the lock; default: %(default)s")
    parser.add_argument("--packages", help="folder of the installed packages; default: those of this process")
    parser.add_argument(
        "--image", action="store_true", help="list what is installed here, with Debian's packages"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: %(default)s")
    options = parser.parse_args(arguments)
    document = complete(describe_lock(options.lock), installed(options.packages), in_image=options.image)
    if found := faults(document["components"]):
        raise SystemExit(
            "\n".join(["licenses that the policy in release/licenses.py does not allow:", *found])
        )
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise SystemExit(f"the document is not valid CycloneDX: {fault}")
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(text)
    print(f"wrote {options.output.name}")


def installed(packages: str | None = None) -> dict[str, Distribution]:
    """Return the packages of a folder, or of this process, by normalized name."""
    found = distributions() if packages is None else distributions(path=[packages])
    return {_normalize(distribution.name): distribution for distribution in found}


def describe_lock(lock: str) -> dict[str, Any]:
    """Run cyclonedx-py on a lock of the service, and return its document."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--no-validate"]
    command += ["--pyproject", "pyproject.toml", "--output-reproducible", "--spec-version", "1.6"]
    result = subprocess.run([*command, lock], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def complete(
    document: dict[str, Any], packages: dict[str, Distribution], *, in_image: bool = False
) -> dict[str, Any]:
    """Add the version, the direct dependencies, licenses, and the networks that are files of this repository.

    Args:
        document: the document of cyclonedx-py, which is modified in place.
        packages: the installed packages by normalized name.
        in_image: whether to list Debian's packages too, and no package of the lock for other platforms.

    Returns:
        The same document.
    """
    service = document["metadata"]["component"]
    service |= {"version": __version__, "purl": f"pkg:pypi/{service['name']}@{__version__}"}
    if in_image:
        document["components"] = [
            part for part in document["components"] if _normalize(part["name"]) in packages
        ]
    for component in document["components"]:
        component["bom-ref"] = component["purl"]  # stable, while the line number in the lock is not
        del component["description"]  # the text of that line
        component["licenses"] = [{"expression": license_of(_normalize(component["name"]), packages)}]
    direct = direct_names()
    references = [part["bom-ref"] for part in document["components"] if _normalize(part["name"]) in direct]
    weights = json.loads(PROVENANCE.read_text())["weights_sha256"]
    models = [
        _describe(DETECTOR, "6.2.3", "MIT"),
        _describe(ENCODER, weights, "MIT"),
        _describe(SPEAKER_ENCODER, "0.1.4", "Apache-2.0"),
    ]
    document["components"] += [*models, *(system_packages() if in_image else ())]
    names = [model["bom-ref"] for model in models]
    # The lock does not record indirect dependencies, so the document has only direct ones.
    document["dependencies"] = [
        {"ref": service["bom-ref"], "dependsOn": sorted([*references, *names])},
        *({"ref": name} for name in names),
    ]
    return document


def system_packages() -> list[dict[str, Any]]:
    """Describe Python and Debian's packages on this machine, with the licenses of copyright files (DEP 5)."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Architecture}\\n"]
    lines = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    version = platform.python_version()
    python = {
        "type": "platform",
        "bom-ref": f"pkg:generic/python@{version}",
        "name": "python",
        "version": version,
        "purl": f"pkg:generic/python@{version}",
        "licenses": [{"expression": "PSF-2.0"}],
    }
    return [python, *(_describe_debian(*line.split()) for line in lines)]


def _describe_debian(name: str, version: str, architecture: str) -> dict[str, Any]:
    copyright_file = Path("/usr/share/doc", name, "copyright")
    text = copyright_file.read_text(errors="replace") if copyright_file.is_file() else ""
    licenses = sorted(set(re.findall(r"^License: (\S.*)$", text, re.MULTILINE)))
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"name": ", ".join(licenses) or f"see {copyright_file}"}}],
    }


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
    main(sys.argv[1:])
