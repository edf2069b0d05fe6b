"""`docs/kubernetes.md` describes the manifests correctly."""

import re
import shutil

import kubernetes_validate
import pytest

from testing.recordings import ROOT
from tests.deploy.manifests import (
    FOLDER,
    JOBS,
    MIB,
    NAMES,
    NEWEST,
    OLDEST,
    ROLLOUT,
    Manifest,
    container,
    find,
    render,
    settings_of,
)

PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
WORDS = {1: "one", 2: "two", 10: "ten"}


@pytest.fixture(scope="module")
def combined(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The overlay that the page shows: jobs with the bundles of a volume and a rollout."""
    copied = shutil.copytree(FOLDER, tmp_path_factory.mktemp("copy") / "kubernetes")
    found = re.findall(r"^```yaml\n# deploy/kubernetes/(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    ((path, text),) = found
    (copied / path).parent.mkdir()
    (copied / path).write_text(text)
    return str((copied / path).parent)


def volumes(folder: str, name: str) -> dict[str, Manifest]:
    """Return the volumes of a Deployment by name."""
    found = find("Deployment", folder, name)["spec"]["template"]["spec"]["volumes"]
    return {volume["name"]: volume for volume in found}


@pytest.mark.parametrize("name", NAMES)
def test_services_and_job_workers_have_the_bundles_and_the_rollout(combined: str, name: str) -> None:
    before, after = container(JOBS, name), container(combined, name)
    for part, added in (("env", {"SER_ROLLOUT"}), ("volumeMounts", {"bundles", "rollout"})):
        alone = [*container("overlays/bundles-volume").get(part, []), *container(ROLLOUT)[part]]
        assert [entry for entry in after[part] if entry["name"] not in added] == before[part]
        new = [entry for entry in after[part] if entry["name"] in added]
        assert len(new) == len(added)
        assert all(entry in alone for entry in new)
    assert volumes(combined, name) == {
        **volumes(JOBS, name),
        "bundles": volumes("overlays/bundles-volume", "speech-emotion")["bundles"],
        "rollout": volumes(ROLLOUT, "speech-emotion")["rollout"],
    }
    claim = volumes(combined, name)["bundles"]["persistentVolumeClaim"]
    assert claim["readOnly"] is True
    assert find("PersistentVolumeClaim", combined, claim["claimName"])
    for kubernetes in (OLDEST, NEWEST):
        kubernetes_validate.validate(find("Deployment", combined, name), kubernetes, strict=True)


def test_a_new_bundle_restarts_job_workers_before_services(combined: str) -> None:
    # A job names its bundle, and fails on a worker that does not have it.
    _, section = PAGE.split("\n## Bundles\n")
    restarted = re.findall(r"^kubectl rollout restart deployment/(\S+)$", section, re.MULTILINE)
    assert restarted == ["speech-emotion-worker", "speech-emotion"]
    names = [one["metadata"]["name"] for one in render(combined) if one["kind"] == "Deployment"]
    assert {name for name in names if "bundles" in volumes(combined, name)} == set(restarted)


def test_the_command_of_the_rollout_writes_the_file_that_pods_read() -> None:
    (variable,) = container(ROLLOUT)["env"]
    name = volumes(ROLLOUT, "speech-emotion")["rollout"]["configMap"]["name"]
    file = variable["value"].rpartition("/")[2]
    assert f"export SER_ROLLOUT={file}\n" in PAGE
    assert f"kubectl create configmap {name} --from-file={file} " in PAGE


def test_every_command_names_existing_folders_and_deployments() -> None:
    folders = re.findall(r"(?:kubectl (?:apply -k|kustomize)|\(cd) (\S+)", PAGE)
    assert len(folders) > 5
    assert [folder for folder in folders if not (ROOT / folder / "kustomization.yaml").exists()] == []
    assert set(re.findall(r"deployment/([\w-]+)", PAGE)) == set(NAMES)


def test_the_page_has_the_sizes_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(find("ConfigMap")["data"], monkeypatch)
    slots = WORDS[settings.workers + settings.queue_depth]
    upload, call, worker = (
        n_bytes // MIB
        for n_bytes in (settings.max_upload_bytes, settings.max_call_bytes, settings.max_worker_bytes)
    )
    requests, limits = (container()["resources"][name] for name in ("requests", "limits"))
    memory = limits["memory"].replace("Gi", " GiB of memory")
    assert f"requests {requests['cpu']} processors and has {settings.workers} workers" in TEXT
    assert f"{memory} is enough for {WORDS[settings.workers]} workers" in TEXT
    assert f"replaced at {worker} MiB and for {slots} slots of {upload} MiB" in TEXT
    assert f"holds {slots} calls of {call} MiB" in TEXT


def test_the_page_has_the_time_of_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(find("ConfigMap")["data"], monkeypatch)
    parts = (
        settings.shutdown_delay,
        settings.upload_timeout,
        settings.call_timeout,
        settings.request_timeout,
    )
    assert f"{sum(parts):g} s after the stop began" in TEXT
    assert "{:g} s of delay, {:g} s of upload, {:g} s and {:g} s".format(*parts) in TEXT
    grace = find("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert f"`terminationGracePeriodSeconds` is {grace} s" in TEXT


def test_the_page_has_the_numbers_and_the_metrics_of_the_autoscalers() -> None:
    pods = find("HorizontalPodAutoscaler", "overlays/queue-depth")["spec"]
    load, waiting = pods["metrics"]
    percent = load["resource"]["target"]["averageUtilization"]
    assert f"at {percent} %, with {pods['minReplicas']} to {pods['maxReplicas']} pods" in TEXT
    recordings = WORDS[int(waiting["pods"]["target"]["averageValue"])]
    assert f"waiting recordings, {recordings} for each pod" in TEXT
    assert f"seriesQuery: '{waiting['pods']['metric']['name']}{{" in PAGE
    workers = find("HorizontalPodAutoscaler", JOBS, "speech-emotion-worker")["spec"]
    queued = workers["metrics"][0]["external"]
    n_workers = f"{workers['minReplicas']} to {workers['maxReplicas']} workers"
    assert f"{WORDS[int(queued['target']['averageValue'])]} jobs for each worker, {n_workers}" in TEXT
    assert f"seriesQuery: '{queued['metric']['name']}{{" in PAGE
