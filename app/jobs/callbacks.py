"""Webhooks that report the end of a job: Standard Webhooks, by default only to public addresses.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from app.jobs.backoff import read_retry_after
from app.jobs.job import JobError

TIMEOUT = 20.0
"""The seconds that a receiver may take; the specification recommends 15 to 30."""
OK = range(200, 300)
GONE = 410
"""The statuses after which a delivery is not retried: `OK` and `GONE`."""
DEFAULT_PORTS = {"https": 443, "http": 80}
_IPV4_IN_IPV6 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the addresses that NAT64 translates


class CallbackRefused(JobError):
    """The callback policy forbids the address."""


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """The permitted receivers of webhooks, and the secrets that sign them.

    Attributes:
        secrets: the secrets of each receiver, `host[:port][/path]`. All secrets of a receiver sign its
            webhooks, so that a secret can be rotated. The empty name has the secrets of all other receivers.
        private: whether addresses in private networks, and HTTP, are permitted.
    """

    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    private: bool = False

    def secrets_for(self, parts: SplitResult) -> Sequence[str]:
        """Return the secrets that sign the webhooks for an address, and no others.

        A receiver that knows the secret of another receiver could forge webhooks for it. Therefore, only the
        secrets of the receiver that covers the address most closely sign.
        """
        port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
        place = f"{parts.hostname}{port}{parts.path or '/'}"
        covering = [name for name in self.secrets if f"{place}/".startswith(f"{name}/")]
        return self.secrets.get(max(covering, key=len, default=""), ())


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a receiver.

    Attributes:
        status: the status; 0 without an answer.
        retry_after: the seconds before the next attempt that the receiver asks for; None if it does not ask.
    """

    status: int
    retry_after: float | None = None


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
        port = parts.port  # raises ValueError for an impossible port
    except ValueError as error:
        raise CallbackRefused(f"callback_url: {error}.") from error
    schemes = DEFAULT_PORTS.keys() if policy.private else {"https"}
    if parts.scheme not in schemes or not parts.hostname or not url.isprintable() or " " in url:
        raise CallbackRefused("callback_url: the address is not accepted. Give an https:// address.")
    if parts.username is not None or parts.password is not None:
        raise CallbackRefused("callback_url: the address contains a user name or a password. Remove it.")
    if not policy.secrets_for(parts):
        raise CallbackRefused(
            f"callback_url: {parts.hostname} is not a receiver to which the operator gave a secret "
            "(SER_CALLBACK_SECRETS). Give another address."
        )
    port = port or DEFAULT_PORTS[parts.scheme]
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


def deliver(url: str, message_id: str, body: str, policy: CallbackPolicy) -> Reply:
    """Attempt to deliver a webhook once.

    Resolve the host once and connect only to the checked addresses. Do not follow redirects.

    Args:
        url: the address of the receiver.
        message_id: the ID of the message, which is the same in every attempt.
        body: the JSON message.
        policy: the callback policy.

    Returns:
        The answer of the receiver.

    Raises:
        CallbackRefused: the policy forbids the address.
    """
    parts, addresses = check(url, policy)
    now = datetime.now(UTC)
    signatures = (Webhook(secret).sign(message_id, now, body) for secret in policy.secrets_for(parts))
    headers = {
        "Content-Type": "application/json",
        "Host": parts.netloc,
        "User-Agent": "speech-emotion-service",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    for address in addresses:
        try:
            connected = socket.create_connection((address, port), TIMEOUT)
        except OSError:
            continue
        try:
            return _post(connected, parts, path, headers, body)
        except (OSError, http.client.HTTPException):
            break
    return Reply(0)


def _post(
    connected: socket.socket, parts: SplitResult, path: str, headers: Mapping[str, str], body: str
) -> Reply:
    """POST to a checked address, and verify its certificate for the name of the host."""
    with ExitStack() as stack:
        channel = stack.enter_context(connected)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            channel = stack.enter_context(
                context.wrap_socket(channel, server_hostname=parts.hostname, do_handshake_on_connect=False)
            )
        # The timeout of a socket restarts with each received byte; the timer bounds the whole exchange.
        timer = Timer(TIMEOUT, _interrupt, (channel,))
        timer.start()
        stack.callback(timer.cancel)
        if isinstance(channel, ssl.SSLSocket):
            channel.do_handshake()
        connection = http.client.HTTPConnection(parts.hostname or "")
        connection.sock = channel
        connection.request("POST", path, body.encode(), dict(headers))
        response = connection.getresponse()
        retry_after = read_retry_after(response.getheader("Retry-After"), datetime.now(UTC))
        return Reply(response.status, retry_after)


def _interrupt(channel: socket.socket) -> None:
    """End the exchange of a connection, unless it ends by itself at the same moment."""
    with suppress(OSError):
        socket.socket.shutdown(channel, socket.SHUT_RDWR)
