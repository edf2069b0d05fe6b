"""The overlays for jobs agree with the service."""

from urllib.parse import urlsplit

import pytest

from app.jobs.job import State
from app.settings import Settings
from tests.deploy.manifests import JOBS, KEDA, NAMES, container, find, render, settings_of, size


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


def test_uploads_and_recordings_of_jobs_fit_into_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(find("ConfigMap")["data"], monkeypatch)
    for name, n_recordings in zip(NAMES, (settings.workers + settings.queue_depth, 1), strict=True):
        (tmp,) = find("Deployment", JOBS, name)["spec"]["template"]["spec"]["volumes"]
        assert n_recordings * settings.max_job_bytes <= size(tmp["emptyDir"]["sizeLimit"])
