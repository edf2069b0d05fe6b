"""The NetworkPolicies permit the connections that the service needs, and no others."""

from itertools import product
from typing import Any

import pytest

from tests.deploy.manifests import JOBS, render
from tests.deploy.network_policies import Peer, reaches

NAMESPACE = "calls"
HTTP, POSTGRES, S3, DNS, HTTPS = 8000, 5432, 7070, 53, 443
PRIVATE = ("10.0.0.1", "172.20.0.1", "192.168.0.1", "100.64.0.1", "127.0.0.1", "fd00::1", "::1")
METADATA = "169.254.169.254"
"""The address from which machines of a cloud get their credentials."""


def pods(folder: str) -> dict[str, Peer]:
    """Return a pod of each workload of a folder, and others of the cluster."""
    found = {
        "client": Peer({"speech-emotion/client": "true"}, "elsewhere"),
        "neighbor": Peer({"app": "neighbor"}, NAMESPACE),
        "monitoring": Peer({"app": "prometheus"}, "monitoring"),
        "name server": Peer({"k8s-app": "kube-dns"}, "kube-system"),
    }
    for manifest in render(folder):
        template: dict[str, Any] = manifest.get("spec", {}).get("template", {})
        if not template:
            continue
        ports = {
            port["name"]: port["containerPort"]
            for container in template["spec"]["containers"]
            for port in container["ports"]
        }
        found[manifest["metadata"]["name"]] = Peer(template["metadata"]["labels"], NAMESPACE, ports)
    return found


def permitted(folder: str) -> set[tuple[str, str, int]]:
    """Return all permitted connections between pods: source, target and port."""
    policies = [manifest for manifest in render(folder) if manifest["kind"] == "NetworkPolicy"]
    peers = pods(folder)
    own = {name for name in peers if name.startswith("speech-emotion")}
    return {
        (source, target, port)
        for source, target, port in product(peers, peers, (HTTP, POSTGRES, S3, DNS, HTTPS))
        if source != target
        and (source in own or target in own)
        and reaches(policies, NAMESPACE, peers[source], peers[target], port)
    }


@pytest.mark.parametrize(
    "folder", ["base", "overlays/queue-depth", "overlays/bundles-volume", "overlays/rollout"]
)
def test_only_clients_and_monitoring_reach_the_service(folder: str) -> None:
    assert permitted(folder) == {(source, "speech-emotion", HTTP) for source in ("client", "monitoring")}


def test_an_ingress_controller_needs_the_label_of_clients() -> None:
    policies = [manifest for manifest in render("base") if manifest["kind"] == "NetworkPolicy"]
    service = pods("base")["speech-emotion"]
    labels = {"app.kubernetes.io/name": "ingress-nginx"}
    unlabeled, labeled = (
        Peer(labels | added, "ingress-nginx") for added in ({}, {"speech-emotion/client": "true"})
    )
    assert not reaches(policies, NAMESPACE, unlabeled, service, HTTP)
    assert reaches(policies, NAMESPACE, labeled, service, HTTP)


def test_jobs_need_the_database_the_store_and_names() -> None:
    users = ("speech-emotion", "speech-emotion-worker")
    assert permitted(JOBS) == {
        ("client", "speech-emotion", HTTP),
        *(("monitoring", user, HTTP) for user in users),
        *((user, "speech-emotion-database", POSTGRES) for user in users),
        *((user, "speech-emotion-store", S3) for user in users),
        *((user, "name server", DNS) for user in users),
    }


def outside(folder: str, name: str, address: str, port: int) -> bool:
    """Return whether a workload reaches an address outside of the cluster."""
    policies = [manifest for manifest in render(folder) if manifest["kind"] == "NetworkPolicy"]
    return reaches(policies, NAMESPACE, pods(folder)[name], Peer(namespace="", address=address), port)


def test_only_workers_reach_public_addresses_and_only_by_https() -> None:
    for address in ("8.8.8.8", "2001:4860:4860::8888"):
        reaching = {name for name in pods(JOBS) if outside(JOBS, name, address, HTTPS)}
        assert {name for name in reaching if name.startswith("speech-emotion")} == {"speech-emotion-worker"}
        assert not outside(JOBS, "speech-emotion-worker", address, 80)
    for address in (*PRIVATE, METADATA):
        assert not outside(JOBS, "speech-emotion-worker", address, HTTPS), address
