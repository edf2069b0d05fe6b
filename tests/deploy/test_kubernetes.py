"""The rendered manifests are valid and agree with the service."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from app.jobs.job import State
from app.main import create_app
from app.settings import Settings
from testing.programs import program
from testing.recordings import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
JOBS = "overlays/jobs"
KEDA = "overlays/keda"
ROLLOUT = "overlays/rollout"
RENDERED = ["base", "overlays/queue-depth", "overlays/bundles-volume", ROLLOUT, JOBS, KEDA]
OLDEST, NEWEST = "1.27", "1.37"
MIB = 2**20
UNITS = {"Mi": MIB, "Gi": 1024 * MIB}
SERVICE_BYTES = 150 * MIB  # docs/operations.md: memory of the service before its workers grow
NAMES = ("speech-emotion", "speech-emotion-worker")
"""The Deployments of services and job workers."""

Manifest = dict[str, Any]


@cache
def render(folder: str) -> tuple[Manifest, ...]:
    command = [program("kubectl"), "kustomize", str(FOLDER / folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(yaml.safe_load_all(text))


def find(kind: str, folder: str = "base", name: str = "speech-emotion") -> Manifest:
    (manifest,) = (
        manifest
        for manifest in render(folder)
        if manifest["kind"] == kind and (manifest["metadata"]["name"] == name or kind == "ConfigMap")
    )
    return manifest


def container(folder: str = "base", name: str = "speech-emotion", kind: str = "Deployment") -> Manifest:
    (only,) = find(kind, folder, name)["spec"]["template"]["spec"]["containers"]
    found: Manifest = only
    return found


def predictor() -> Manifest:
    text = (FOLDER / "kserve" / "inference-service.yaml").read_text(encoding="utf-8")
    found: Manifest = yaml.safe_load(text)["spec"]["predictor"]
    return found


def settings_of(variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a container with these variables."""
    for name in [name for name in os.environ if name.startswith("SER_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        assert name.removeprefix("SER_").lower() in Settings.model_fields, name
        monkeypatch.setenv(name, value)
    return Settings()


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


def size(text: str) -> int:
    """Return the bytes of a quantity such as `512Mi`."""
    return int(text[:-2]) * UNITS[text[-2:]]


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


def environment(name: str) -> dict[str, str]:
    """Return the environment of a container in the overlay `jobs`. References `$(…)` are not resolved."""
    variables = {**find("ConfigMap", JOBS)["data"]}
    variables |= {entry["name"]: entry.get("value", "") for entry in container(JOBS, name)["env"]}
    return variables


def test_services_accept_jobs_and_only_workers_run_them() -> None:
    service, worker = environment("speech-emotion"), environment("speech-emotion-worker")
    assert service["SER_JOBS"] == "true"
    assert (service["SER_JOBS_AT_A_TIME"], worker["SER_JOBS_AT_A_TIME"]) == ("0", "1")
    assert {**service, "SER_JOBS_AT_A_TIME": "1"} == worker
    for name in (name for name in worker if name.startswith("SER_")):
        assert name.removeprefix("SER_").lower() in Settings.model_fields, name
    service_container, worker_container = (container(JOBS, name) for name in NAMES)
    assert worker_container["args"] == ["worker"]
    assert worker_container["image"] == service_container["image"]
    assert worker_container["envFrom"] == service_container["envFrom"]


def test_the_password_of_the_jobs_comes_from_an_external_secret() -> None:
    wanted = {"secretKeyRef": {"name": "speech-emotion-jobs", "key": "password"}}
    pods = [
        container(JOBS, "speech-emotion"),
        container(JOBS, "speech-emotion-worker"),
        container(JOBS, "speech-emotion-database", "StatefulSet"),
        container(JOBS, "speech-emotion-store", "StatefulSet"),
    ]
    for pod in pods:
        names = [entry["name"] for entry in pod["env"] if entry.get("valueFrom") == wanted]
        assert len(names) == 1
        # Kubernetes resolves a reference only to a variable that comes before it.
        later = [entry["name"] for entry in pod["env"] if f"$({names[0]})" in entry.get("value", "")]
        order = [entry["name"] for entry in pod["env"]]
        assert all(order.index(name) > order.index(names[0]) for name in later)


def test_workers_have_the_addresses_of_the_database_and_the_store() -> None:
    worker = environment("speech-emotion-worker")
    host = worker["SER_JOBS_URL"].rpartition("@")[2].partition("/")[0]
    assert find("Service", JOBS, host)["spec"]["ports"][0]["port"] == 5432  # the default port of PostgreSQL
    address = urlsplit(worker["AWS_ENDPOINT_URL"])
    assert find("Service", JOBS, str(address.hostname))["spec"]["ports"][0]["port"] == address.port
    store = container(JOBS, "speech-emotion-store", "StatefulSet")
    variables = {entry["name"]: entry.get("value") for entry in store["env"]}
    bucket = worker["SER_JOBS_RECORDINGS"].removeprefix("s3://")
    assert f"{variables['VGW_BACKEND_ARGS']}/{bucket}" in [
        mount["mountPath"] for mount in store["volumeMounts"]
    ]
    assert variables["ROOT_ACCESS_KEY_ID"] == worker["AWS_ACCESS_KEY_ID"]


def test_waiting_jobs_scale_the_workers() -> None:
    scaler = find("HorizontalPodAutoscaler", JOBS, "speech-emotion-worker")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "speech-emotion-worker"
    (metric,) = scaler["metrics"]
    assert metric["external"]["metric"]["name"] == "ser_jobs"
    assert metric["external"]["metric"]["selector"]["matchLabels"] == {"state": State.QUEUED}


def test_keda_replaces_the_autoscaler_of_the_workers() -> None:
    scalers = [
        manifest["spec"]["scaleTargetRef"]["name"]
        for manifest in render(KEDA)
        if manifest["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
    ]
    assert scalers == ["speech-emotion", "speech-emotion-worker"]
    scaled = find("ScaledObject", KEDA, "speech-emotion-worker")["spec"]
    (trigger,) = scaled["triggers"]
    # Without the running jobs, KEDA would end the last worker while it works.
    assert f'ser_jobs{{state=~"{State.QUEUED}|{State.RUNNING}"}}' in trigger["metadata"]["query"]
    assert scaled["cooldownPeriod"] == 900


def test_uploads_and_recordings_of_jobs_fit_into_tmp(settings: Settings) -> None:
    for name, n_recordings in zip(NAMES, (settings.workers + settings.queue_depth, 1), strict=True):
        (tmp,) = find("Deployment", JOBS, name)["spec"]["template"]["spec"]["volumes"]
        assert n_recordings * settings.max_job_bytes <= size(tmp["emptyDir"]["sizeLimit"])
