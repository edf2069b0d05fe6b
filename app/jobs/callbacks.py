"""Telling whoever waits for a job that it has ended: Standard Webhooks, to public addresses alone.

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
"""Seconds before each try, as the specification's example schedule has them: 10 tries, 75 h."""
TIMEOUT = 20.0
"""Seconds that a receiver may take; the specification recommends 15 to 30."""
OK = range(200, 300)
GONE = 410
"""The answers after which a receiver is not called again."""
_IPV4_IN_IPV6 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: what NAT64 translates


class CallbackRefused(JobError):
    """The address may not be called."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may be called, and how a call is signed.

    Attributes:
        secrets: each signs every call, so that one can be changed for another; the newest first.
        private: whether addresses in private networks, and http, are permitted.
    """

    secrets: Sequence[str] = ()
    private: bool = False


def check(url: str, rules: Rules) -> tuple[SplitResult, list[str]]:
    """See that an address may be called.

    Args:
        url: the address.
        rules: who may be.

    Returns:
        Its parts, and the IP addresses of its host, of which every one may be called.

    Raises:
        CallbackRefused: it may not; the message says why.
    """
    if not rules.secrets:
        raise CallbackRefused("callback_url: callbacks are not set up here (SER_CALLBACK_SECRETS).")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise CallbackRefused(f"callback_url: {error}.") from error
    schemes = {"https", "http"} if rules.private else {"https"}
    if parts.scheme not in schemes or not parts.hostname or not url.isprintable() or " " in url:
        raise CallbackRefused("callback_url: give an https:// address.")
    if parts.username is not None or parts.password is not None:
        raise CallbackRefused("callback_url: an address with a password in it is not accepted.")
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallbackRefused(f"callback_url: {parts.hostname} cannot be resolved.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not rules.private and not all(map(_is_public, addresses)):
        raise CallbackRefused(f"callback_url: {parts.hostname} is not a public address.")
    return parts, addresses


def _is_public(address: str) -> bool:
    """Whether an address belongs to nobody's own network, nor to this machine."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _IPV4_IN_IPV6:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


def deliver(url: str, message_id: str, body: str, rules: Rules) -> int:
    """Call a receiver, once.

    The host is resolved once, and what was checked is what is connected to. Redirects are not
    followed.

    Args:
        url: of the receiver.
        message_id: the same on every try.
        body: what it is told.
        rules: who may be called, and how it is signed.

    Returns:
        The status that the receiver answered, 0 if it did not.

    Raises:
        CallbackRefused: the address may not be called any more.
    """
    parts, addresses = check(url, rules)
    now = datetime.now(UTC)
    signatures = (Webhook(secret).sign(message_id, now, body) for secret in rules.secrets)
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
    """POST to an address that was checked, whose certificate has to be that of the host's name."""
    with ExitStack() as stack:
        channel = stack.enter_context(connected)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            channel = stack.enter_context(
                context.wrap_socket(channel, server_hostname=parts.hostname, do_handshake_on_connect=False)
            )
        # A timeout of a socket begins anew with each byte that drips in.
        guard = Timer(TIMEOUT, socket.socket.shutdown, (channel, socket.SHUT_RDWR))
        guard.start()
        stack.callback(guard.cancel)
        if isinstance(channel, ssl.SSLSocket):
            channel.do_handshake()
        connection = http.client.HTTPConnection(parts.hostname or "")
        connection.sock = channel
        connection.request("POST", path, body.encode(), dict(headers))
        return connection.getresponse().status
