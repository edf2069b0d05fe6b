"""The manifests of KEDA and KServe agree with the types of their CRDs."""

import subprocess
from pathlib import Path

import pytest

from rehearsal.podman import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
SCALED_OBJECT = FOLDER / "overlays" / "keda" / "scaled-object.yaml"
INFERENCE_SERVICE = FOLDER / "kserve" / "inference-service.yaml"


def check(*files: Path) -> str:
    """Return what is wrong with manifests."""
    command = [".venvs/kubernetes/bin/python", "rehearsal/custom_resources.py", *map(str, files)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr
    return ended.stdout


def test_the_manifests_are_valid() -> None:
    assert check(SCALED_OBJECT, INFERENCE_SERVICE) == ""


@pytest.mark.parametrize(
    ("manifest", "right", "wrong", "fault"),
    [
        (SCALED_OBJECT, "cooldownPeriod: 900", "cooldown: 900", "$.spec: Additional properties"),
        (SCALED_OBJECT, 'threshold: "2"', "threshold: 2", "$.spec.triggers[0].metadata.threshold: 2 is not"),
        (INFERENCE_SERVICE, "scaleTarget:", "target:", "$.spec.predictor: 'target' is unknown"),
        (
            INFERENCE_SERVICE,
            "periodSeconds: 2",
            'periodSeconds: "2"',
            "readinessProbe.periodSeconds: '2' is not",
        ),
    ],
)
def test_a_wrong_manifest_is_found(
    tmp_path: Path, manifest: Path, right: str, wrong: str, fault: str
) -> None:
    text = manifest.read_text()
    assert right in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace(right, wrong))
    assert fault in check(changed)
