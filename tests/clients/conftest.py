"""A service with jobs, webhooks and live sessions, and both clients of it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from speech_emotion_client import AsyncClient, Client
from testing import bundles
from testing.receiver import SECRET
from testing.service import Service, running

KEY = "key of the test"
Ask = Callable[[Callable[[Any], Any]], Any]
"""A function that calls a method of a client: `ask(lambda client: client.models())`."""


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("clients")
    bundles.write(folder / "models", inputs=("log_mel",), adapts=True)
    with running(
        SER_MODELS_DIR=str(folder / "models"),
        SER_DEFAULT_MODEL="small",
        SER_WORKERS="1",
        SER_API_KEYS=f"test:{hashlib.sha256(KEY.encode()).hexdigest()}",
        SER_JOBS="true",
        SER_DATA_DIR=str(folder / "data"),
        SER_CALLBACK_SECRETS=SECRET,
        SER_CALLBACK_PRIVATE="true",
        SER_LIVE_MAX_SPEED="1000",
        SER_SHUTDOWN_DELAY="0",
    ) as service:
        yield service


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, service: Service) -> Ask:
    """Each test runs with the synchronous and the asynchronous client."""
    return asking(request.param, service.url, KEY)


def asking(kind: str, url: str, key: str | None = None, **options: Any) -> Ask:
    """Return a function that asks with a new client of one kind."""

    def ask(call: Callable[[Any], Any]) -> Any:
        with Client(url, key, **options) as client:
            return call(client)

    async def ask_async(call: Callable[[Any], Awaitable[Any]]) -> Any:
        async with AsyncClient(url, key, **options) as client:
            return await call(client)

    return ask if kind == "sync" else lambda call: asyncio.run(ask_async(call))
