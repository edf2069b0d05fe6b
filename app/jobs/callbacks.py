"""Webhooks that report the end of a job: Standard Webhooks, by default only to public addresses.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from app.jobs.job import JobError

PAUSES = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""The seconds before each attempt, as in the example of the specification: 10 attempts in 75 h."""
TIMEOUT = 20.0
"""The seconds that a receiver may take; the specification recommends 15 to 30."""
OK = range(200, 300)
GONE = 410
"""The statuses after which a delivery is not retried: `OK` and `GONE`."""
_IPV4_IN_IPV6 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the addresses that NAT64 translates


class CallbackRefused(JobError):
    """The callback policy forbids the address."""


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """The permitted receivers of webhooks, and the secrets that sign them.

    Attributes:
        secrets: the secrets, newest first. Each of them signs every webhook, so that a secret can be rotated.
        private: whether addresses in private networks, and HTTP, are permitted.
    """

    secrets: Sequence[str] = ()
    private: bool = False


def check(url: str, policy: CallbackPolicy) -> tuple[SplitResult, list[str]]:
    """Check that the policy permits an address.

    Args:
        url: the address.
        policy: the callback policy.

    Returns:
        The parts of the address, and the IP addresses of its host. The policy permits all of them.

    Raises:
        CallbackRefused: the policy forbids the address; the message has the reason.
    """
    if not policy.secrets:
        raise CallbackRefused(
            "callback_url: callbacks are disabled; the operator must set SER_CALLBACK_SECRETS."
        )
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise CallbackRefused(f"callback_url: {error}.") from error
    schemes = {"https", "http"} if policy.private else {"https"}
    if parts.scheme not in schemes or not parts.hostname or not url.isprintable() or " " in url:
        raise CallbackRefused("callback_url: the address is not accepted. Give an https:// address.")
    if parts.username is not None or parts.password is not None:
        raise CallbackRefused("callback_url: the address contains a user name or a password. Remove it.")
    try:
        entries = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallbackRefused(f"callback_url: the host {parts.hostname} cannot be resolved.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not policy.private and not all(map(_is_public, addresses)):
        raise CallbackRefused(
            f"callback_url: {parts.hostname} is not a public address. Give another address."
        )
    return parts, addresses


def _is_public(address: str) -> bool:
    """Test whether an address is outside private networks and this machine."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _IPV4_IN_IPV6:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


def deliver(url: str, message_id: str, body: str, policy: CallbackPolicy) -> int:
    """Attempt to deliver a webhook once.

    Resolve the host once and connect only to the checked addresses. Do not follow redirects.

    Args:
        url: the address of the receiver.
        message_id: the ID of the message, which is the same in every attempt.
        body: the JSON message.
        policy: the callback policy.

    Returns:
        The status of the receiver; 0 without an answer.

    Raises:
        CallbackRefused: the policy forbids the address.
    """
    parts, addresses = check(url, policy)
    now = datetime.now(UTC)
    signatures = (Webhook(secret).sign(message_id, now, body) for secret in policy.secrets)
    headers = {
        "Content-Type": "application/json",
        "Host": parts.netloc,
        "User-Agent": "speech-emotion-service",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    for address in addresses:
        try:
            connected = socket.create_connection((address, port), TIMEOUT)
        except OSError:
            continue
        try:
            return _post(connected, parts, path, headers, body)
        except (OSError, http.client.HTTPException):
            return 0
    return 0


def _post(
    connected: socket.socket, parts: SplitResult, path: str, headers: Mapping[str, str], body: str
) -> int:
    """POST to a checked address, and verify its certificate for the name of the host."""
    with ExitStack() as stack:
        channel = stack.enter_context(connected)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            channel = stack.enter_context(
                context.wrap_socket(channel, server_hostname=parts.hostname, do_handshake_on_connect=False)
            )
        # The timeout of a socket restarts with each received byte; the timer bounds the whole exchange.
        timer = Timer(TIMEOUT, socket.socket.shutdown, (channel, socket.SHUT_RDWR))
        timer.start()
        stack.callback(timer.cancel)
        if isinstance(channel, ssl.SSLSocket):
            channel.do_handshake()
        connection = http.client.HTTPConnection(parts.hostname or "")
        connection.sock = channel
        connection.request("POST", path, body.encode(), dict(headers))
        return connection.getresponse().status
