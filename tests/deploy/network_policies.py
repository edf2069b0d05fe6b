"""Which pods reach which ports under the NetworkPolicies, as the documentation of Kubernetes defines them.

A connection needs the permission of both ends. An end that no policy selects permits everything, and the
permissions of several policies add up: https://kubernetes.io/docs/concepts/services-networking/network-policies/.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """A pod, or an address outside of the cluster.

    Attributes:
        labels: the labels of the pod.
        namespace: the namespace of the pod; empty for an address.
        ports: the numbers of the named ports.
        address: the address; empty for a pod.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "calls"
    ports: Mapping[str, int] = field(default_factory=dict)
    address: str = ""


def reaches(policies: Sequence[Manifest], namespace: str, source: Peer, target: Peer, port: int) -> bool:
    """Return whether a TCP connection is permitted.

    Args:
        policies: all NetworkPolicies.
        namespace: the namespace of the policies.
        source: the peer that connects.
        target: the peer that accepts.
        port: the number of its port.
    """

    def permits(direction: str, own: Peer, other: Peer) -> bool:
        selecting = [
            policy["spec"]
            for policy in policies
            if own.namespace == namespace
            and direction in policy["spec"]["policyTypes"]
            and _selects(policy["spec"]["podSelector"], own.labels)
        ]
        rules = [rule for spec in selecting for rule in spec.get(direction.lower()) or []]
        peers = "from" if direction == "Ingress" else "to"
        return not selecting or any(
            _has_port(rule, target, port) and any(_is(peer, other, namespace) for peer in rule[peers])
            for rule in rules
        )

    return permits("Egress", source, target) and permits("Ingress", target, source)


def _has_port(rule: Manifest, target: Peer, port: int) -> bool:
    """Return whether a rule is about a TCP port. A port without a protocol is TCP."""
    numbers = (target.ports.get(one["port"], one["port"]) for one in _tcp(rule))
    return "ports" not in rule or port in numbers


def _tcp(rule: Manifest) -> Iterator[Manifest]:
    return (one for one in rule["ports"] if one.get("protocol", "TCP") == "TCP")


def _is(selector: Manifest, peer: Peer, namespace: str) -> bool:
    """Return whether a selector of peers selects a peer."""
    if peer.address:
        block = selector.get("ipBlock")
        host = ip_address(peer.address)
        return (
            block is not None
            and host in ip_network(block["cidr"])
            and not any(host in ip_network(excluded) for excluded in block.get("except", []))
        )
    if "ipBlock" in selector:  # is about addresses outside of the cluster
        return False
    in_namespace = (
        _selects(selector["namespaceSelector"], {"kubernetes.io/metadata.name": peer.namespace})
        if "namespaceSelector" in selector
        else peer.namespace == namespace
    )
    return in_namespace and _selects(selector.get("podSelector", {}), peer.labels)


def _selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector selects labels. An empty selector selects everything."""
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", "no other operator is used"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return dict(selector.get("matchLabels", {})).items() <= labels.items()
