"""Check manifests of KEDA and KServe against the types that their Python packages generate from the CRDs.

The packages need other versions of our dependencies, so this program has an environment of its own.

Example:
    .venvs/kubernetes/bin/python rehearsal/custom_resources.py deploy/kubernetes/kserve/inference-service.yaml
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kserve
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from kubernetes import client

PLAIN = {"str": str, "int": int, "bool": bool}


def faults(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a manifest; nothing for a manifest of another kind."""
    match manifest["apiVersion"], manifest["kind"]:
        case "keda.sh/v1alpha1", "ScaledObject":
            schema = closed(ScaledObject.model_json_schema(by_alias=True))
            for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
                yield f"{error.json_path}: {error.message}"
        case "serving.kserve.io/v1beta1", "InferenceService":
            yield from faults_of_kserve("$", manifest, "V1beta1InferenceService")


def closed(schema: object) -> object:
    """Return a JSON schema whose objects allow no unknown property."""
    if isinstance(schema, list):
        return [closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: closed(entry) for name, entry in schema.items()}
    if isinstance(schema.get("properties"), dict):
        copy.setdefault("additionalProperties", False)
    return copy


def faults_of_kserve(place: str, value: object, kind: str) -> Iterator[str]:
    """Yield what is wrong with a value of a type that KServe's or Kubernetes' package names."""
    entries = re.fullmatch(r"list\[(\w+)\]", kind)
    described = getattr(kserve, kind, None) or getattr(client, kind, None)
    match value:
        case list() if entries:
            for index, entry in enumerate(value):
                yield from faults_of_kserve(f"{place}[{index}]", entry, entries[1])
        case dict() if described:
            names = {alias: name for name, alias in described.attribute_map.items()}
            for alias, entry in value.items():
                if alias not in names:
                    yield f"{place}: {alias!r} is unknown"
                else:
                    yield from faults_of_kserve(
                        f"{place}.{alias}", entry, described.openapi_types[names[alias]]
                    )
        case _ if entries or described or type(value) is not PLAIN.get(kind, type(value)):
            yield f"{place}: {value!r} is not of type {kind}"


if __name__ == "__main__":
    found = [
        f"{file}: {problem}"
        for file in sys.argv[1:]
        for manifest in yaml.safe_load_all(Path(file).read_text(encoding="utf-8"))
        for problem in faults(manifest)
    ]
    for fault in found:
        print(fault)
    sys.exit(bool(found))
