"""The rendered manifests are valid and agree with the service."""

import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from app.main import create_app
from app.settings import Settings
from testing.recordings import ROOT
from tests.deploy.manifests import (
    FOLDER,
    JOBS,
    KEDA,
    MIB,
    NAMES,
    NEWEST,
    OLDEST,
    ROLLOUT,
    Manifest,
    container,
    find,
    predictor,
    render,
    settings_of,
    size,
)

RENDERED = ["base", "overlays/queue-depth", "overlays/bundles-volume", ROLLOUT, JOBS, KEDA]
SERVICE_BYTES = 150 * MIB  # docs/operations.md: memory of the service before its workers grow


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the service in a pod."""
    return settings_of(find("ConfigMap")["data"], monkeypatch)


@pytest.fixture
def pods(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Manifest, Settings]]:
    """The pod of the service and the pod of KServe, with their settings."""
    (only,) = predictor()["containers"]
    variables = {entry["name"]: entry["value"] for entry in only["env"]}
    return [
        (find("Deployment")["spec"]["template"]["spec"], settings),
        (predictor(), settings_of(variables, monkeypatch)),
    ]


@pytest.mark.parametrize("folder", RENDERED)
@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_the_rendered_manifests_are_valid(folder: str, kubernetes: str) -> None:
    # rehearsal/custom_resources.py checks the resource of KEDA.
    for manifest in (manifest for manifest in render(folder) if manifest["kind"] != "ScaledObject"):
        kubernetes_validate.validate(manifest, kubernetes, strict=True)


def test_every_selector_matches_the_pods() -> None:
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


def test_probes_use_existing_paths() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    probes = ["startupProbe", "readinessProbe", "livenessProbe"]
    probed = [container()[probe]["httpGet"]["path"] for probe in probes]
    (kserve_container,) = predictor()["containers"]
    probed += [kserve_container[probe]["httpGet"]["path"] for probe in probes[1:]]
    for path in probed:
        assert "get" in paths[path]


def test_the_service_and_the_network_policy_use_the_port_of_the_container(settings: Settings) -> None:
    (port,) = container()["ports"]
    assert port["containerPort"] == settings.port
    assert find("Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert find("NetworkPolicy")["spec"]["ingress"][0]["ports"] == [{"port": port["name"]}]
    assert find("NetworkPolicy")["spec"]["egress"] == []


def test_each_worker_has_a_processor(settings: Settings) -> None:
    assert int(container()["resources"]["requests"]["cpu"]) == settings.workers


def test_workers_and_uploads_fit_into_memory_and_tmp(pods: list[tuple[Manifest, Settings]]) -> None:
    for pod, settings in pods:
        (only,), (tmp,) = pod["containers"], pod["volumes"]
        slots = settings.workers + settings.queue_depth
        workers = settings.workers * settings.max_worker_bytes
        needed = SERVICE_BYTES + workers + slots * settings.max_upload_bytes
        assert needed <= size(only["resources"]["limits"]["memory"])
        assert slots * settings.max_call_bytes <= size(tmp["emptyDir"]["sizeLimit"])


def test_a_stopping_pod_has_time_for_the_longest_request(pods: list[tuple[Manifest, Settings]]) -> None:
    for pod, settings in pods:
        longest = settings.shutdown_delay + settings.upload_timeout
        # After the timeout of a call, no task starts, but the last one continues.
        longest += settings.call_timeout + settings.request_timeout
        assert pod["terminationGracePeriodSeconds"] > longest


def test_every_pod_has_minimal_privileges() -> None:
    pods = [
        manifest["spec"]["template"]["spec"]
        for folder in RENDERED
        for manifest in render(folder)
        if manifest["kind"] in {"Deployment", "StatefulSet"}
    ]
    assert len(pods) == len(RENDERED) + 2 * 3  # each overlay with jobs adds a worker, a database and a store
    for pod in (*pods, predictor()):
        (only,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_pods_run_as_the_user_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    contexts = [
        find("Deployment", JOBS, name)["spec"]["template"]["spec"]["securityContext"] for name in NAMES
    ]
    assert contexts[0] == contexts[1]
    context = contexts[0]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}\nEXPOSE" in dockerfile


def test_the_keys_come_from_an_external_secret() -> None:
    assert {"secretRef": {"name": "speech-emotion-keys"}} in container()["envFrom"]
    assert not any(manifest["kind"] == "Secret" for folder in RENDERED for manifest in render(folder))
    assert "SER_API_KEYS" not in find("ConfigMap")["data"]


def test_the_overlay_queue_depth_scales_by_the_length_of_the_queue() -> None:
    metrics = find("HorizontalPodAutoscaler", "overlays/queue-depth")["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Resource", "Pods"]
    assert metrics[1]["pods"]["metric"]["name"] == "ser_queue_depth"


def test_the_bundles_of_a_volume_replace_those_of_the_image() -> None:
    mounts = container("overlays/bundles-volume")["volumeMounts"]
    assert {"name": "bundles", "mountPath": "/srv/speech-emotion/models", "readOnly": True} in mounts
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "WORKDIR /srv/speech-emotion" in dockerfile
    assert "COPY models models" in dockerfile


def test_the_rollout_is_a_folder_that_changes_without_new_pods() -> None:
    (variable,) = container(ROLLOUT)["env"]
    (mount,) = (mount for mount in container(ROLLOUT)["volumeMounts"] if mount["name"] == "rollout")
    (volume,) = (
        volume
        for volume in find("Deployment", ROLLOUT)["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "rollout"
    )
    assert mount == {"name": "rollout", "mountPath": "/rollout", "readOnly": True}  # no subPath
    assert variable == {"name": "SER_ROLLOUT", "value": f"{mount['mountPath']}/rollout.json"}
    # The name has no hash, so that a change restarts no pod. Without the ConfigMap, there is no rollout.
    assert volume["configMap"] == {"name": "speech-emotion-rollout", "optional": True}


def test_services_and_job_workers_have_the_image_of_the_base(tmp_path: Path) -> None:
    copied = shutil.copytree(FOLDER, tmp_path / "kubernetes")
    file = copied / "base" / "kustomization.yaml"
    changed = yaml.safe_load(file.read_text())
    # As `kustomize edit set image` does.
    changed["images"] = [
        {"name": "speech-emotion", "newName": "example.com/speech-emotion", "newTag": "0.2.0"}
    ]
    file.write_text(yaml.safe_dump(changed))
    for name in NAMES:
        image = container(str(copied / "overlays" / "jobs"), name)["image"]
        assert image == "example.com/speech-emotion:0.2.0"
