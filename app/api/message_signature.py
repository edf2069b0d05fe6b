"""Verification of the signature of a request: HTTP Message Signatures with HMAC-SHA256 and one secret.

It implements the part of RFC 9421 that Genesys Cloud AudioHook uses, and follows
https://developer.genesys.cloud/devapps/audiohook/security and the reference implementation of Genesys.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from app.api.security import Unauthenticated

COVERED = frozenset(
    {
        "@request-target",
        "@authority",
        "audiohook-organization-id",
        "audiohook-session-id",
        "audiohook-correlation-id",
        "x-api-key",
    }
)
"""The components that a signature must cover."""
MAX_AGE = 10
"""The seconds from its creation for which a signature is valid, as in the reference implementation."""
MAX_SKEW = 3
"""The seconds by which the clocks may differ, as in the reference implementation."""

_INPUT = re.compile(
    r'(?P<label>[a-z*][\w.*-]*)=(?P<base>\((?P<names>"[^"()]*"(?: "[^"()]*")*)\)(?P<parameters>;.+))'
)
_PARAMETER = re.compile(r';([a-z]+)=(?:"([^"]*)"|(\d{1,15}))')


class SignatureVerifier:
    """The verifier of the signatures of one secret. It accepts each signature once."""

    def __init__(self, secret: bytes) -> None:
        """Start without accepted signatures.

        Args:
            secret: the client secret.
        """
        self._secret = secret
        self._accepted: dict[bytes, float] = {}
        """The time of each signature that is still valid. The signature covers the nonce of the client."""

    def verify(self, headers: Mapping[str, str], target: str, now: float) -> None:
        """Verify the signature of a request.

        Args:
            headers: the headers of the request, by their names in lower case or without regard to case.
            target: the path and the query of the request.
            now: the time, in seconds since 1970.

        Raises:
            Unauthenticated: the signature is missing, wrong or too old, or came before.
        """
        signature = _verify(headers, target, self._secret, now)
        limit = now - MAX_AGE - 2 * MAX_SKEW
        self._accepted = {one: at for one, at in self._accepted.items() if at >= limit}
        if signature in self._accepted:
            raise Unauthenticated("The signature was used before. Sign each request with a new nonce.")
        self._accepted[signature] = now


def _verify(headers: Mapping[str, str], target: str, secret: bytes, now: float) -> bytes:
    """Verify the signature of a request, and return it."""
    match = _INPUT.fullmatch(headers.get("signature-input", ""))
    signature = headers.get("signature", "")
    if match is None or not signature.startswith(f"{match['label']}=:"):
        raise Unauthenticated("The request has no signature, or one of another form.")
    names = match["names"][1:-1].split('" "')
    if not set(names) >= COVERED:
        raise Unauthenticated(f"The signature does not cover {', '.join(sorted(COVERED - set(names)))}.")
    _check_parameters(match["parameters"], headers.get("x-api-key", ""), now)
    values = {"@request-target": target, "@authority": headers.get("host", "").lower()}
    lines = [f'"{name}": {values.get(name, headers.get(name, "").strip())}' for name in names]
    lines.append(f'"@signature-params": {match["base"]}')
    expected = hmac.digest(secret, "\n".join(lines).encode(), hashlib.sha256)
    if not hmac.compare_digest(expected, _bytes(signature.partition("=")[2])):
        raise Unauthenticated("The signature is wrong. Check the client secret of the integration.")
    return expected


def _check_parameters(text: str, key: str, now: float) -> None:
    """Check the parameters of a signature."""
    if _PARAMETER.sub("", text):
        raise Unauthenticated("The parameters of the signature cannot be parsed.")
    found = _PARAMETER.findall(text)
    strings = {name: string for name, string, number in found if not number}
    numbers = {name: int(number) for name, _, number in found if number}
    if strings.get("alg", "hmac-sha256") != "hmac-sha256":
        raise Unauthenticated("The algorithm of the signature is not hmac-sha256.")
    if strings.get("keyid") != key:
        raise Unauthenticated("The signature belongs to another API key.")
    age = now - numbers.get("created", 0)
    if not -MAX_SKEW <= age <= MAX_AGE + MAX_SKEW or numbers.get("expires", now) < now - MAX_SKEW:
        raise Unauthenticated("The signature is too old, or its time is in the future. Check the clock.")


def _bytes(text: str) -> bytes:
    """Return the value of a byte sequence (RFC 8941, 3.3.5); empty if it is none."""
    try:
        return base64.b64decode(text.removeprefix(":").removesuffix(":"), validate=True)
    except (binascii.Error, ValueError):
        return b""
