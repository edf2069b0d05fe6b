"""The Compose file is valid with every profile, restricts all containers, and its sizes fit the settings."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from testing.recordings import ROOT

PROFILES = [(), ("scale",), ("jobs",), ("scale", "jobs"), ("monitoring",), ("rollout",)]
SCALED = {"service", "replica", "balancer"}
WORKING = {"service", "worker", "database", "store"}
MONITORED = {"service", "prometheus", "grafana"}
COMMANDS = {"rollout"}
"""The services that run a command and end."""
UNITS = {"m": 2**20, "g": 2**30}
KEYS = "backend:" + "0" * 64
PASSWORD = "a" * 48


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run podman-compose on the file. A dry run needs no podman."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("SER_")}
    return subprocess.run(
        [sys.executable, "-m", "podman_compose", "--dry-run", "--env-file", os.devnull, *arguments],
        cwd=ROOT,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def resolve(**environment: str) -> dict[str, Any]:
    """Return all services, resolved by podman-compose."""
    profiles = [
        argument for name in ("scale", "jobs", "monitoring", "rollout") for argument in ("--profile", name)
    ]
    resolved = compose(*profiles, "config", SER_API_KEYS=KEYS, **environment)
    assert resolved.returncode == 0, resolved.stderr
    services: dict[str, Any] = yaml.safe_load(resolved.stdout)["services"]
    assert set(services) == SCALED | WORKING | MONITORED | COMMANDS
    return services


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """All services with the default settings."""
    return resolve()


@pytest.fixture(scope="module")
def with_jobs() -> dict[str, Any]:
    """All services with the settings that the profile `jobs` needs."""
    return resolve(SER_JOBS="true", JOBS_PASSWORD=PASSWORD)


def settings_of(service: dict[str, Any]) -> Settings:
    """Return the settings of a service in its container. An empty variable counts as unset."""
    named = {name: value for name, value in service["environment"].items() if name.startswith("SER_")}
    return Settings(**{name.removeprefix("SER_").lower(): text for name, text in named.items() if text})


@pytest.fixture(scope="module")
def settings(services: dict[str, Any]) -> Settings:
    return settings_of(services["service"])


def size(text: str) -> int:
    return int(text[:-1]) * UNITS[text[-1]]


def seconds(text: str) -> int:
    assert text.endswith("m")
    return int(text[:-1]) * 60


def tmp_bytes(service: dict[str, Any]) -> int:
    (tmp,) = service["tmpfs"]
    assert tmp.startswith("/tmp:")  # noqa: S108  # a folder in the container
    found = re.search(r"size=(\w+)", tmp)
    assert found
    return size(found[1])


def memory(service: dict[str, Any]) -> int:
    return size(service["deploy"]["resources"]["limits"]["memory"])


@pytest.mark.parametrize("profiles", PROFILES)
def test_every_profile_starts_the_expected_services(profiles: tuple[str, ...]) -> None:
    arguments = [argument for profile in profiles for argument in ("--profile", profile)]
    started = compose(*arguments, "config", "--services", SER_API_KEYS=KEYS)
    assert started.returncode == 0, started.stderr
    expected = {"service"} | (SCALED if "scale" in profiles else set())
    expected |= WORKING if "jobs" in profiles else set()
    expected |= MONITORED if "monitoring" in profiles else set()
    expected |= COMMANDS if "rollout" in profiles else set()
    assert set(started.stdout.split()) == expected


@pytest.mark.parametrize("environment", [{}, {"SER_API_KEYS": ""}])
def test_without_a_key_the_services_do_not_start(environment: dict[str, str]) -> None:
    refused = compose("config", **environment)
    assert refused.returncode != 0
    assert "SER_API_KEYS" in refused.stderr
    assert "docs/deploy.md" in refused.stderr


def test_every_container_has_limits_and_minimal_privileges(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & set(service), name
        assert service.get("network_mode", "none") == "none", name
        assert all("docker.sock" not in volume for volume in service.get("volumes", [])), name
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        if name not in COMMANDS:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_mounted_files_exist_and_are_read_only(services: dict[str, Any]) -> None:
    for service in services.values():
        mounted = [volume for volume in service.get("volumes", []) if volume.startswith(".")]
        assert all(volume.endswith(":ro") for volume in mounted)
        for volume in mounted:
            assert (ROOT / volume.split(":")[0]).exists(), volume


def test_all_ports_are_published_only_on_loopback(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_has_a_fixed_version(services: dict[str, Any]) -> None:
    images = {service["image"] for service in services.values() if "speech-emotion" not in service["image"]}
    assert len(images) == 5
    assert all(re.search(r":v?\d+\.\d+", image) for image in images)


def test_the_file_contains_no_secrets(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", name) and not name.endswith("__FILE"):
                assert not value, name  # the database and the store do not start without this value


def test_replicas_read_the_rollout_and_only_its_command_writes_it(services: dict[str, Any]) -> None:
    settings = settings_of(services["rollout"])
    assert settings.rollout is not None
    assert services["rollout"]["entrypoint"] == ["python", "-m", "app", "rollout"]
    assert f"rollout:{settings.rollout.parent}" in services["rollout"]["volumes"]
    for name in ("service", "replica", "worker"):
        replica = settings_of(services[name])
        assert (replica.rollout, replica.models_dir) == (settings.rollout, settings.models_dir)
        assert f"rollout:{settings.rollout.parent}:ro" in services[name]["volumes"]
    # A new volume inherits the owner of the folder in the image.
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"--chown=10001:10001 {settings.rollout.parent} " in dockerfile


def test_the_profile_determines_which_processes_run_jobs(
    services: dict[str, Any], with_jobs: dict[str, Any]
) -> None:
    alone = settings_of({"environment": {**services["service"]["environment"], "SER_JOBS": "true"}})
    assert (alone.jobs_url, alone.jobs_recordings, alone.jobs_at_a_time) == ("", "", 1)
    assert "data:/data" in services["service"]["volumes"]
    service, replica = (settings_of(with_jobs[name]) for name in ("service", "replica"))
    assert service == replica
    worker = settings_of(with_jobs["worker"])
    assert worker == service.model_copy(update={"jobs_at_a_time": 1})
    assert with_jobs["worker"]["command"] == ["worker"]
    assert (service.jobs, service.jobs_at_a_time) == (True, 0)
    assert service.jobs_url == f"postgresql://jobs:{PASSWORD}@database/jobs"
    assert with_jobs["database"]["environment"]["POSTGRES_PASSWORD"] == PASSWORD


def test_store_and_worker_use_the_same_bucket_and_keys(with_jobs: dict[str, Any]) -> None:
    store, worker = with_jobs["store"], with_jobs["worker"]["environment"]
    bucket = worker["SER_JOBS_RECORDINGS"].removeprefix("s3://")
    assert store["volumes"] == [f"recordings:{store['environment']['VGW_BACKEND_ARGS']}/{bucket}"]
    assert worker["AWS_ENDPOINT_URL"] == f"http://store{store['environment']['VGW_PORT']}"
    for name_in_store, name_in_worker in (
        ("ROOT_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        ("ROOT_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        ("VGW_REGION", "AWS_REGION"),
    ):
        assert store["environment"][name_in_store] == worker[name_in_worker]


def test_only_services_and_workers_reach_the_database_and_the_store(services: dict[str, Any]) -> None:
    for name in ("database", "store"):
        assert list(services[name]["networks"]) == ["jobs"]
        assert "ports" not in services[name]
    connected = {name for name, service in services.items() if "jobs" in (service.get("networks") or {})}
    assert connected == {"service", "replica", "worker", "database", "store"}
    # The balancer sends requests to the alias `replicas`.
    assert "replicas" not in services["worker"]["networks"]["default"]["aliases"]
    networks = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["networks"]
    assert networks["jobs"] == {"internal": True}


def test_uploads_of_calls_fit_into_tmp_and_memory(services: dict[str, Any], settings: Settings) -> None:
    slots = settings.workers + settings.queue_depth
    for name in ("service", "replica"):
        calls = tmp_bytes(services[name])
        assert calls >= slots * settings.max_call_bytes
        workers = settings.workers * settings.max_worker_bytes
        # A slot holds either a call or an utterance. The service keeps utterances in memory.
        assert memory(services[name]) >= calls + workers + 512 * 2**20
    assert memory(services["balancer"]) > tmp_bytes(services["balancer"])


def test_each_worker_has_a_processor(services: dict[str, Any], settings: Settings) -> None:
    limits = services["service"]["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) == settings.workers


def test_a_stop_waits_for_the_longest_request(services: dict[str, Any], settings: Settings) -> None:
    longest = settings.shutdown_delay + settings.upload_timeout
    longest += settings.call_timeout + settings.request_timeout
    for name in ("service", "replica", "balancer"):
        assert seconds(services[name]["stop_grace_period"]) > longest


def test_replicas_have_the_configuration_of_the_service(services: dict[str, Any]) -> None:
    first, replica = ({**services[name]} for name in ("service", "replica"))
    assert int(replica["deploy"].pop("replicas")) == 1
    assert replica["deploy"].pop("mode") == "replicated"
    assert replica.pop("profiles") == ["scale"]
    del first["ports"], first["build"]
    first["volumes"].remove("data:/data")  # replicas could not see the jobs in this volume
    assert replica == first


def test_every_variable_in_the_example_file_is_used() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    named = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert "SER_API_KEYS" in named
    # All settings reach the service. Compose itself uses COMPOSE_PROFILES.
    known = {f"SER_{name}".upper() for name in Settings.model_fields} | {"COMPOSE_PROFILES"}
    assert [name for name in named if name not in known and f"${{{name}:" not in text] == []


def test_git_ignores_secrets() -> None:
    ignored = (ROOT / ".gitignore").read_text().split()
    secrets = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["secrets"]
    assert ".env" in ignored
    assert all(Path(secret["file"]).parts[0] + "/" in ignored for secret in secrets.values())


def test_the_shutdown_delay_exceeds_the_timeouts_of_the_balancer(settings: Settings) -> None:
    text = (ROOT / "deploy" / "nginx" / "replicas.conf").read_text()
    timeouts = [int(found) for found in re.findall(r"(?:fail_timeout|valid)=(\d+)s", text)]
    assert timeouts
    assert settings.shutdown_delay > max(timeouts)
