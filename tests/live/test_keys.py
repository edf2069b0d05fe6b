"""Keys with scopes and channels in live sessions, and what the audit log says of these."""

import asyncio
import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from testing import keys, local
from testing.live_client import START, STOP, Message, address, encoded, exchange, received, serving
from testing.service import Service
from testing.waiting import eventually


def test_a_live_session_needs_scopes_and_its_end_is_audited(folder: Path, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    entries = [
        keys.line("live", "scopes=live channels=1"),
        keys.line("jobs", "scopes=jobs"),
        keys.line("all"),
    ]
    with serving(folder, SER_API_KEYS=",".join(entries), SER_AUDIT_LOG=str(audit)) as service:

        def talk(key: str, **changes: object) -> tuple[Message, int | None]:
            headers = {"Authorization": f"Bearer {key}"}
            frames: list[Message | bytes | str] = [{**START, **changes}, encoded()[1], STOP]
            messages, code = asyncio.run(exchange(service, frames, headers=headers))
            return messages[0], code

        refused, code = talk("jobs")
        assert (refused["problem"]["code"], code) == ("scope-missing", 4403)
        refused, code = talk("nobody")
        assert (refused["problem"]["code"], code) == ("unauthenticated", 4401)
        refused, code = talk("live", analyze=[0, 1])
        assert (refused["problem"]["code"], code) == ("channel-not-permitted", 4403)
        refused, code = talk("live", keep=True)  # a kept timeline is a job
        assert (refused["problem"]["code"], code) == ("scope-missing", 4403)
        ready, code = talk("live")
        assert (ready["type"], ready["channels"], code) == ("ready", [1], 1000)
        continued = asyncio.run(lose_and_continue(service))
        # The service may record the end of a session after the client saw it.
        service.process.terminate()
        assert service.end() == 0
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(line["key"], line["action"], line["target"], line["result"]) for line in lines] == [
        ("jobs", "live.start", "", "scope-missing"),
        ("", "live.start", "", "unauthenticated"),
        ("live", "live.start", "", "channel-not-permitted"),
        ("live", "live.start", "", "scope-missing"),
        ("live", "live.start", ready["session"], "ok"),
        ("live", "live.end", ready["session"], "stopped"),
        ("all", "live.start", continued, "ok"),
        ("all", "live.list", "", "ok"),
        ("all", "live.continue", continued, "ok"),
        ("all", "live.end", continued, "invalid-message"),
    ]
    assert {line["client"] for line in lines} == {"127.0.0.1"}
    assert all(line["request_id"] for line in lines)


def test_a_session_goes_on_after_its_key_has_expired(folder: Path, tmp_path: Path) -> None:
    keys.write(tmp_path, keys.line("caller"))
    headers = {"Authorization": "Bearer caller"}
    samples = encoded()[1]

    def is_refused() -> bool:
        response = local.get(f"{service.url}/v1/models", headers=headers)
        return response.status_code == 401 and response.json()["code"] == "key-expired"

    async def outlive() -> list[Message]:
        async with connect(address(service), additional_headers=headers) as socket:
            await socket.send(json.dumps(START))
            await socket.send(samples[: len(samples) // 2])
            assert json.loads(await socket.recv())["type"] == "ready"
            keys.write(tmp_path, keys.line("caller", "expires=2026-01-31"))
            await asyncio.to_thread(eventually, is_refused)
            await socket.send(samples[len(samples) // 2 :])
            await socket.send(json.dumps(STOP))
            return await received(socket)

    with serving(folder, SER_API_KEYS_FILE=str(tmp_path / "keys")) as service:
        *_, summary, closed = asyncio.run(outlive())
    assert summary["timeline"]["duration"] * START["sampling_rate"] * START["channels"] == len(samples)
    assert closed["reason"] == "stopped"


async def lose_and_continue(service: Service) -> str:
    """Lose a connection, continue the session with another one, and end it with an error."""
    headers = {"Authorization": "Bearer all"}
    async with connect(address(service), additional_headers=headers) as socket:
        await socket.send(json.dumps(START))
        ready: dict[str, Any] = json.loads(await socket.recv())
        socket.transport.abort()
    listed = await asyncio.to_thread(local.get, f"{service.url}/v1/live", headers=headers)
    assert [one["id"] for one in listed.json()["sessions"]] == [ready["session"]]
    async with connect(address(service), additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "reconnect", "session": ready["session"], "after": 0}))
        assert json.loads(await socket.recv())["type"] == "ready"
        await socket.send(json.dumps(START))
        assert json.loads(await socket.recv())["problem"]["code"] == "invalid-message"
    return str(ready["session"])
