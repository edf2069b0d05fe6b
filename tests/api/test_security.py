import asyncio
import hashlib
import re
import time
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.api.key_ring import KeyRing
from app.api.rate_limit import RateLimited, RateLimiter
from app.api.security import ANONYMOUS, Authenticator, Unauthenticated
from app.core.channels import ChannelPolicy
from app.keys import Key
from app.main import create_app
from app.settings import Settings
from testing.recordings import EXAMPLE, encode, tone

URL = "/v1/audio/emotions"
OLD, NEW = "old key", "new key"


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture(scope="module")
def guarded(settings: Settings) -> Iterator[TestClient]:
    """A client of a service that knows two keys and permits only the channel of the customer."""
    changes = {
        "workers": 1,
        "api_keys": f"old:{sha256(OLD)}, new:{sha256(NEW)}",
        "rate_limit": "12/hour",
        "channels": "1",
    }
    app = create_app(Settings.model_validate(settings.model_dump() | changes))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "path", [URL, "/v1/models", "/v1/models/small", "/v2", "/v2/models/small", "/metrics"]
)
@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), bearer(sha256(NEW)), {"Authorization": "Basic bmV3IGtleQ=="}]
)
def test_a_request_without_a_valid_key_gets_401(
    guarded: TestClient, path: str, headers: dict[str, str]
) -> None:
    response = guarded.request("POST" if path == URL else "GET", path, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/page/page.css",
        "/health/live",
        "/health/ready",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/small/ready",
        "/openapi.json",
        "/docs",
        "/asyncapi.json",
        "/asyncapi",
        "/problems/unauthenticated",
    ],
)
def test_public_pages_need_no_key(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_the_old_and_the_new_key_are_valid_during_a_rotation(guarded: TestClient) -> None:
    assert guarded.get("/v1/models", headers=bearer(OLD)).status_code == 200
    assert guarded.get("/v1/models", headers=bearer(NEW)).status_code == 200


def test_a_channel_that_is_not_permitted_is_never_analyzed(guarded: TestClient) -> None:
    customer = tone(1.0)
    call = encode(np.stack([np.zeros_like(customer), customer], axis=1))

    def recognize(data: bytes, **params: str | int) -> tuple[int, dict[str, object]]:
        response = guarded.post(URL, params=params, files={"file": data}, headers=bearer(NEW))
        return response.status_code, response.json()

    status, problem = recognize(call, channel=0)
    assert (status, problem["code"]) == (403, "channel-not-permitted")
    status, answer = recognize(call, channel=1)
    assert (status, answer["speech"]) == (200, True)
    assert recognize(call)[1]["probabilities"] == answer["probabilities"], "the mix has the agent in it"
    status, problem = recognize(encode(customer))
    assert (status, problem["code"]) == (422, "channel-not-found")
    assert "none of the permitted ones: 1" in str(problem["detail"])


def test_a_rate_limit_applies_to_each_key_separately(guarded: TestClient) -> None:
    for _ in range(13):
        refused = guarded.get("/v1/models", headers=bearer(NEW))
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit"] == f'"default";r=0;t={refused.headers["Retry-After"]}'
    assert guarded.get("/v1/models", headers=bearer(OLD)).status_code == 200


def test_the_header_fields_state_the_rate_limit(guarded: TestClient) -> None:
    """They follow draft-ietf-httpapi-ratelimit-headers-10, in answers and in problems."""
    answers = [
        guarded.get(path, headers=bearer(OLD)) for path in ("/metrics", "/v1/models/nobody", "/v1/models")
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 200]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"default";q=12;w=3600'}
    remaining = []
    for answer in answers:
        match = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
        assert match is not None
        remaining.append(int(match[1]))
        assert 0 < int(match[2]) <= 3600
    assert remaining == [remaining[0], remaining[0] - 1, remaining[0] - 2]
    assert "RateLimit" not in guarded.get("/health/live").headers
    assert "RateLimit" not in guarded.get("/v1/models").headers  # without a key


def test_without_configured_keys_every_client_is_anonymous(client: TestClient) -> None:
    assert client.post(URL, files={"file": EXAMPLE.read_bytes()}, headers=bearer("any")).status_code == 200
    one, other = (authenticator().identify(None, address) for address in ("192.0.2.1", "192.0.2.2"))
    assert one.name == other.name == ANONYMOUS
    assert (one.share, other.share) == ("192.0.2.1", "192.0.2.2")


def authenticator(*keys: Key) -> Authenticator:
    return Authenticator(KeyRing(lambda: keys), ChannelPolicy())


def test_the_authenticator_returns_the_name_of_a_key() -> None:
    known = authenticator(Key("old", sha256(OLD)), Key("new", sha256(NEW)))
    callers = [known.identify(key, "192.0.2.1") for key in (OLD, NEW)]
    assert [(caller.name, caller.share) for caller in callers] == [("old", "old"), ("new", "new")]
    for key in (None, "", "wrong"):
        with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
            known.identify(key, "192.0.2.1")


def test_without_a_rate_limit_every_request_passes() -> None:
    async def send_many(limiter: RateLimiter) -> None:
        for _ in range(1000):
            (await limiter.count("backend")).check()

    asyncio.run(send_many(RateLimiter()))
    with pytest.raises(RateLimited, match="Wait"):
        asyncio.run(send_many(RateLimiter("999/hour")))


def test_retry_after_is_the_time_until_the_next_request_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    limiter = RateLimiter("2/minute")

    def count() -> None:
        asyncio.run(limiter.count("key")).check()

    count()
    count()
    with pytest.raises(RateLimited) as refused:
        count()
    now += refused.value.retry_after - 2
    with pytest.raises(RateLimited):
        count()
    now += 2
    count()
