"""The messages of real sessions are those of the AsyncAPI document."""

from typing import Any

import httpx2
import pytest
from jsonschema_rs import Draft7Validator

from testing.live_client import START, STOP, Message, encoded, talk
from testing.service import Service


@pytest.fixture(scope="module")
def components(service: Service) -> dict[str, Any]:
    content: dict[str, Any] = httpx2.get(f"{service.url}/asyncapi.json").json()["components"]
    return content


def test_the_messages_of_a_session_are_described(service: Service, components: dict[str, Any]) -> None:
    _, raw = encoded()
    sent: list[Message | bytes] = [
        {**START, "interim_interval": 0.5, "analyze": [0, 1], "model": None},
        raw[:1000],
        {"type": "pause"},
        {"type": "resume"},
        raw[1000:],
        STOP,
    ]
    received, _ = talk(service, *sent)
    assert {"ready", "segment", "summary", "closed"} <= {message["type"] for message in received}
    failed, _ = talk(service, STOP)
    assert [message["type"] for message in failed] == ["error"]
    for message in [*(one for one in sent if isinstance(one, dict)), *received, *failed]:
        _check(message, components)


def _check(message: Message, components: dict[str, Any]) -> None:
    """Check a message, and that the document has all its fields."""
    payload = components["messages"][message["type"]]["payload"]
    validator = Draft7Validator({"allOf": [payload], "components": components})
    assert [error.message for error in validator.iter_errors(message)] == []
    assert set(message) <= set(components["schemas"][payload["$ref"].rpartition("/")[2]]["properties"])
