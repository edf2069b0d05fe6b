"""The manifests, as they are rendered: valid, and in agreement with the service."""

import os
import subprocess
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.main import create_app
from app.settings import Settings
from tests.programs import program
from tests.recordings import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
RENDERED = ["base", "overlays/queue-depth", "overlays/bundles-volume"]
OLDEST, NEWEST = "1.27", "1.37"
MIB = 2**20
SERVICE_BYTES = 150 * MIB  # docs/operations.md: what the service takes without its workers' growth

Manifest = dict[str, Any]


@cache
def render(folder: str) -> tuple[Manifest, ...]:
    command = [program("kubectl"), "kustomize", str(FOLDER / folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(yaml.safe_load_all(text))


def find(kind: str, folder: str = "base") -> Manifest:
    (manifest,) = (manifest for manifest in render(folder) if manifest["kind"] == kind)
    return manifest


def container(folder: str = "base") -> Manifest:
    (only,) = find("Deployment", folder)["spec"]["template"]["spec"]["containers"]
    found: Manifest = only
    return found


def predictor() -> Manifest:
    text = (FOLDER / "kserve" / "inference-service.yaml").read_text(encoding="utf-8")
    found: Manifest = yaml.safe_load(text)["spec"]["predictor"]
    return found


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those that a pod has."""
    for name in [name for name in os.environ if name.startswith("SER_")]:
        monkeypatch.delenv(name)
    for name, value in find("ConfigMap")["data"].items():
        assert name.removeprefix("SER_").lower() in Settings.model_fields, name
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("folder", RENDERED)
@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_what_is_rendered_is_valid(folder: str, kubernetes: str) -> None:
    for manifest in render(folder):
        kubernetes_validate.validate(manifest, kubernetes, strict=True)


def test_every_selector_finds_the_pods() -> None:
    labels = find("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        find("Deployment")["spec"]["selector"]["matchLabels"],
        find("Service")["spec"]["selector"],
        find("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        find("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()
    assert find("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == "speech-emotion"


def test_probes_ask_for_what_is_there() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    probes = ["startupProbe", "readinessProbe", "livenessProbe"]
    asked = [container()[probe]["httpGet"]["path"] for probe in probes]
    (of_kserve,) = predictor()["containers"]
    asked += [of_kserve[probe]["httpGet"]["path"] for probe in probes[1:]]
    for path in asked:
        assert "get" in paths[path]


def test_the_service_and_the_policy_lead_to_its_port(settings: Settings) -> None:
    (port,) = container()["ports"]
    assert port["containerPort"] == settings.port
    assert find("Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert find("NetworkPolicy")["spec"]["ingress"][0]["ports"] == [{"port": port["name"]}]
    assert find("NetworkPolicy")["spec"]["egress"] == []


def test_a_worker_has_a_processor_of_its_own(settings: Settings) -> None:
    assert int(container()["resources"]["requests"]["cpu"]) == settings.workers


def test_what_it_may_hold_fits_into_its_limits(settings: Settings) -> None:
    places = settings.workers + settings.queue_depth
    held = SERVICE_BYTES + settings.workers * settings.max_worker_bytes + places * settings.max_upload_bytes
    assert container()["resources"]["limits"]["memory"] == "1Gi"
    assert held <= 1024 * MIB
    (tmp,) = find("Deployment")["spec"]["template"]["spec"]["volumes"]
    assert tmp["emptyDir"]["sizeLimit"] == "3Gi"
    assert places * settings.max_call_bytes <= 3 * 1024 * MIB


def test_a_pod_that_goes_has_the_time_to_finish(settings: Settings) -> None:
    longest = settings.shutdown_delay + settings.upload_timeout + settings.call_timeout
    assert find("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= longest
    assert predictor()["terminationGracePeriodSeconds"] >= longest


def test_no_pod_can_do_more_than_it_must() -> None:
    for pod, inside in (
        (find("Deployment")["spec"]["template"]["spec"], container()),
        (predictor(), predictor()["containers"][0]),
    ):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert inside["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_it_runs_as_the_user_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    context = find("Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}\nEXPOSE" in dockerfile


def test_keys_come_from_a_secret_that_is_not_here() -> None:
    assert {"secretRef": {"name": "speech-emotion-keys"}} in container()["envFrom"]
    assert not any(manifest["kind"] == "Secret" for folder in RENDERED for manifest in render(folder))
    assert "SER_API_KEYS" not in find("ConfigMap")["data"]


def test_the_queue_scales_it_where_that_is_asked_for() -> None:
    metrics = find("HorizontalPodAutoscaler", "overlays/queue-depth")["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Resource", "Pods"]
    assert metrics[1]["pods"]["metric"]["name"] == "ser_queue_depth"


def test_bundles_of_a_volume_take_the_place_of_those_in_the_image() -> None:
    mounts = container("overlays/bundles-volume")["volumeMounts"]
    assert {"name": "bundles", "mountPath": "/srv/speech-emotion/models", "readOnly": True} in mounts
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "WORKDIR /srv/speech-emotion" in dockerfile
    assert "COPY models models" in dockerfile
