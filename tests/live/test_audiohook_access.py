"""Access to AudioHook: the signature of a request, the key, and a probe without a call."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.api.message_signature import SignatureVerifier
from app.api.security import Unauthenticated
from app.live.protocols.audiohook import NOBODY
from testing.audiohook import OPEN, PATH, SESSION, Client
from testing.live_client import Message, address, serving
from testing.service import Service

KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="  # noqa: S105  # of the documentation
EXAMPLE = {
    "host": "audiohook.example.com",
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-session-id": SESSION,
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "x-api-key": KEY,
    "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
    "signature-input": 'sig1=("@request-target" "@authority" "audiohook-organization-id" '
    f'"audiohook-session-id" "audiohook-correlation-id" "x-api-key");keyid="{KEY}";'
    'nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430',
}
"""The signed request of the documentation of AudioHook."""
TARGET = "/api/v1/voicebiometrics/ws"
CREATED = 1_641_013_200


def signed(headers: dict[str, str], target: str, changes: dict[str, str]) -> dict[str, str]:
    """Sign a request as Genesys Cloud does, after changes of the parameters of the signature."""
    parameters = EXAMPLE["signature-input"].removeprefix("sig1=")
    for before, after in changes.items():
        assert before in parameters
        parameters = parameters.replace(before, after)
    values = {"@request-target": target, "@authority": headers["host"]}
    names = re.findall(r'"(@?[a-z-]+)"', parameters.partition(")")[0])
    lines = [f'"{name}": {values.get(name) or headers[name]}' for name in names]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = base64.b64encode(
        hmac.digest(base64.b64decode(SECRET), base.encode(), hashlib.sha256)
    ).decode()
    return {**headers, "signature-input": f"sig1={parameters}", "signature": f"sig1=:{signature}:"}


def check(headers: dict[str, str], target: str = TARGET, now: float = CREATED) -> None:
    SignatureVerifier(base64.b64decode(SECRET)).verify(headers, target, now)


def test_the_signature_of_the_documentation_is_valid() -> None:
    for now in (CREATED - 3, CREATED, CREATED + 13):
        check(EXAMPLE, now=now)
    assert signed(EXAMPLE, TARGET, {}) == EXAMPLE


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        *(
            (name, value[0], "x")
            for name, value in EXAMPLE.items()
            if name not in {"signature", "signature-input"}
        ),
        ("signature", "NZ", "NY"),
        ("signature", "NZ", "é"),
        ("signature", "sig1", "sig2"),
        ("signature", EXAMPLE["signature"], ""),
        ("signature-input", EXAMPLE["signature-input"], ""),
        ("signature-input", ' "x-api-key"', ""),
        ("signature-input", "VGhp", "xxxx"),
        ("signature-input", "hmac-sha256", "hmac-sha512"),
        ("signature-input", f"created={CREATED}", f"created={CREATED + 1}"),
        ("signature-input", f"created={CREATED}", 'created="x"'),
        ("signature-input", f"created={CREATED};", ""),
        ("signature-input", "expires=3282026430", f"expires={CREATED - 60}"),
        ("signature-input", ";created", ";other;created"),
    ],
)
def test_a_changed_request_is_refused(name: str, before: str, after: str) -> None:
    assert before in EXAMPLE[name]
    with pytest.raises(Unauthenticated):
        check({**EXAMPLE, name: EXAMPLE[name].replace(before, after, 1)})


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (' "x-api-key"', "", "does not cover x-api-key"),
        (f'keyid="{KEY}"', 'keyid="other"', "another API key"),
        ("hmac-sha256", "hmac-sha512", "hmac-sha256"),
        ("expires=3282026430", f"expires={CREATED - 60}", "too old"),
        (f"created={CREATED};", "", "too old"),
    ],
)
def test_a_signature_of_too_little_is_refused(before: str, after: str, detail: str) -> None:
    with pytest.raises(Unauthenticated, match=detail):
        check(signed(EXAMPLE, TARGET, {before: after}))


@pytest.mark.parametrize("now", [CREATED - 4, CREATED + 14])
def test_a_signature_of_another_time_is_refused(now: float) -> None:
    with pytest.raises(Unauthenticated, match="clock"):
        check(EXAMPLE, now=now)


def test_a_signature_is_accepted_once() -> None:
    verifier = SignatureVerifier(base64.b64decode(SECRET))
    verifier.verify(EXAMPLE, TARGET, CREATED - 3)
    for seconds in range(1, 50):
        created = {str(CREATED): str(CREATED + seconds)}
        verifier.verify(signed(EXAMPLE, TARGET, created), TARGET, CREATED + seconds)
        with pytest.raises(Unauthenticated, match=r"before|clock"):
            verifier.verify(EXAMPLE, TARGET, CREATED + seconds)


def test_a_signature_of_another_address_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="wrong"):
        check(EXAMPLE, target="/other")


async def first_answer(service: Service, headers: dict[str, str]) -> Message:
    """Probe the connection, and return the first message of the service."""
    probe = Client()("open", **{**OPEN, "conversationId": NOBODY})
    headers = {name: value for name, value in headers.items() if name != "host"}
    async with connect(address(service, f"{PATH}?a=b"), additional_headers=headers) as socket:
        with suppress(ConnectionClosed):  # a refused request
            await socket.send(probe)
        answer: Message = json.loads(await socket.recv())
        return answer


def test_a_service_with_a_secret_refuses_unsigned_requests(folder: Path) -> None:
    sha256 = hashlib.sha256(KEY.encode()).hexdigest()
    with serving(folder, SER_API_KEYS=f"caller:{sha256}", SER_AUDIOHOOK_SECRET=SECRET) as service:
        unsigned = {name: EXAMPLE[name] for name in EXAMPLE if "signature" not in name}
        unsigned["host"] = f"127.0.0.1:{service.port}"
        right = signed(unsigned, f"{PATH}?a=b", {str(CREATED): str(int(time.time()))})
        wrong = [unsigned, {**right, "x-api-key": "wrong"}, {**right, "signature": "sig1=:QQ==:"}]

        async def scenario() -> list[Message]:
            return [await first_answer(service, headers) for headers in (right, *wrong, right)]

        opened, *refused = asyncio.run(scenario())
    assert opened["type"] == "opened"
    assert [(one["type"], one["parameters"]["reason"], one["id"]) for one in refused] == [
        ("disconnect", "unauthorized", SESSION)
    ] * 4


def test_a_probe_needs_a_key(folder: Path) -> None:
    with serving(folder, SER_API_KEYS=f"caller:{hashlib.sha256(KEY.encode()).hexdigest()}") as service:
        answers = [asyncio.run(first_answer(service, headers)) for headers in ({"X-API-KEY": KEY}, {})]
    assert [answer["type"] for answer in answers] == ["opened", "disconnect"]
