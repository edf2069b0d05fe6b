"""The messages of a session outside of its connection: Server-Sent Events, webhooks and jobs."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from websockets.asyncio.client import connect

from app.api import live_events
from testing.backends import Postgres, postgres
from testing.live_client import (
    START,
    STOP,
    Message,
    address,
    encoded,
    received,
    serving,
    talk,
    telephone,
    timeline,
)
from testing.media_streams import CONNECTED, END, TWILIO, messages_of
from testing.receiver import SECRET, receiving
from testing.service import Service
from testing.waiting import eventually
from tests.jobs.client import until


def events(service: Service, session: str, after: int | None = None) -> list[tuple[str | None, str, Message]]:
    """Return the ID, the name and the data of each event, until the end of the stream."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    answer = httpx2.get(f"{service.url}/v1/live/{session}/events", headers=headers, timeout=60)
    assert answer.status_code == httpx2.codes.OK, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines.get("id"), lines["event"], json.loads(lines["data"])))
    return found


def sessions(service: Service) -> list[Message]:
    found: list[Message] = httpx2.get(f"{service.url}/v1/live").json()["sessions"]
    return found


async def follow(
    service: Service, reader: Service, frames: list[Message | bytes]
) -> tuple[list[Message], list[tuple[str | None, str, Message]], list[Message]]:
    """Send a stream, and read its events from the start.

    Returns:
        The messages of the connection without `ready`, the events, and the list of sessions meanwhile.
    """
    async with connect(address(service)) as socket:
        await socket.send(json.dumps({**START, "reference": "call 17"}))
        session = json.loads(await socket.recv())["session"]
        # Another replica learns of the session soon.
        await asyncio.to_thread(eventually, lambda: sessions(reader) != [])
        listed = sessions(reader)
        reading = asyncio.create_task(asyncio.to_thread(events, reader, session))
        for frame in frames:
            await socket.send(frame if isinstance(frame, bytes) else json.dumps(frame))
        return await received(socket), await reading, listed


def test_another_reader_receives_the_messages_as_events(service: Service) -> None:
    _, raw = encoded()
    messages, found, listed = asyncio.run(follow(service, service, [raw, STOP]))
    assert [data for _, _, data in found if data["type"] != "interim"] == [
        message for message in messages if message["type"] != "interim"
    ]
    assert [(identifier, name) for identifier, name, _ in found] == [
        (str(data["sequence"]), data["type"]) for _, _, data in found
    ]
    (session,) = listed
    assert (session["protocol"], session["reference"], session["channels"]) == ("native", "call 17", [0, 1])
    assert sessions(service) == []


def test_a_reader_continues_after_its_last_event(service: Service) -> None:
    _, raw = encoded()
    messages, _ = talk(service, START, raw, STOP)
    session, last = messages[0]["session"], messages[4]["sequence"]
    assert [data for _, _, data in events(service, session, after=last)] == messages[5:]


def test_a_failed_session_ends_with_an_error_event(service: Service) -> None:
    messages, _ = talk(service, START, START)
    ((_, name, data),) = events(service, messages[0]["session"])
    assert (name, data["problem"]["code"]) == ("error", "invalid-message")


def test_a_call_of_twilio_is_followed_by_its_call_sid(service: Service) -> None:
    wav, raw = telephone()

    async def scenario() -> list[tuple[str | None, str, Message]]:
        async with connect(address(service, "/v1/live/twilio")) as socket:
            for message in (CONNECTED, TWILIO, *messages_of(raw)):
                await socket.send(json.dumps(message))
            await asyncio.to_thread(eventually, lambda: sessions(service) != [])
            (session,) = sessions(service)
            assert (session["protocol"], session["roles"]) == ("twilio", ["customer", "agent"])
            assert session["reference"] == TWILIO["start"]["callSid"]
            reading = asyncio.create_task(asyncio.to_thread(events, service, session["id"]))
            await socket.send(json.dumps(END))
            return await reading

    found = [data for _, _, data in asyncio.run(scenario())]
    assert [data["type"] for data in found[-2:]] == ["summary", "closed"]
    assert found[-2]["timeline"] == timeline(service, wav, "?roles=customer,agent")
    assert {data["role"] for data in found if data["type"] == "segment"} == {"customer", "agent"}


def test_an_unknown_session_has_no_events(service: Service) -> None:
    answer = httpx2.get(f"{service.url}/v1/live/unknown/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "session-not-found")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def test_every_replica_serves_the_events_of_every_session(folder: Path, server: Postgres) -> None:
    wav, raw = encoded()
    shared = {"SER_JOBS": "true", "SER_JOBS_URL": server.url, "SER_JOBS_AT_A_TIME": "0"}
    shared["SER_JOBS_RECORDINGS"] = "s3://unused"
    shared["SER_LIVE_RECONNECT_SECONDS"] = "5"
    with ExitStack() as stack:
        one, two = (stack.enter_context(serving(folder, **shared)) for _ in range(2))
        messages, found, listed = asyncio.run(follow(one, two, [raw, STOP]))
        assert [data for _, _, data in found if data["type"] != "interim"] == [
            message for message in messages if message["type"] != "interim"
        ]
        assert messages[-2]["timeline"] == timeline(one, wav)
        assert [session["reference"] for session in listed] == ["call 17"]
        assert sessions(two) == []

        def stored_session() -> str:
            with psycopg.connect(server.url) as connection:
                (session,) = connection.execute("SELECT session FROM ser_live_messages").fetchone() or ("",)
                return str(session)

        def n_stored() -> int:
            with psycopg.connect(server.url) as connection:
                (count,) = connection.execute("SELECT count(*) FROM ser_live_messages").fetchone() or (-1,)
                return int(count)

        # A browser connects again after the end. It must not wait for a message that never comes.
        session, last = found[-1][2], int(found[-1][0] or 0)
        assert session["type"] == "closed"
        assert events(two, stored_session(), after=last) == []

        eventually(lambda: n_stored() == 0)  # soon after the client could have reconnected


def test_the_sessions_of_a_dead_process_have_ended(folder: Path, server: Postgres) -> None:
    _, raw = encoded()
    shared = {"SER_JOBS": "true", "SER_JOBS_URL": server.url, "SER_JOBS_AT_A_TIME": "0"}
    shared["SER_JOBS_RECORDINGS"] = "s3://unused"
    with ExitStack() as stack:
        one, two = (stack.enter_context(serving(folder, **shared)) for _ in range(2))
        reads = threading.Event()

        def read(session: str) -> None:
            with httpx2.stream("GET", f"{two.url}/v1/live/{session}/events", timeout=60) as answer:
                for _ in answer.iter_lines():
                    reads.set()

        async def scenario() -> str:
            async with connect(address(one)) as socket:
                await socket.send(json.dumps(START))
                session = str(json.loads(await socket.recv())["session"])
                await socket.send(raw)
                await asyncio.to_thread(eventually, lambda: sessions(two) != [])
                reading = asyncio.create_task(asyncio.to_thread(read, session))
                assert await asyncio.to_thread(reads.wait, 30)
                one.process.kill()
                await asyncio.to_thread(eventually, lambda: sessions(two) == [])
                await reading  # it does not wait for a message that never comes
                return session

        session = asyncio.run(scenario())
        answer = httpx2.get(f"{two.url}/v1/live/{session}/events")
        assert (answer.status_code, answer.json()["code"]) == (404, "session-not-found")


def test_a_session_sends_webhooks_and_is_kept_as_a_job(folder: Path, tmp_path: Path) -> None:
    wav, raw = encoded()
    settings = {
        "SER_JOBS": "true",
        "SER_DATA_DIR": str(tmp_path),
        "SER_CALLBACK_SECRETS": SECRET,
        "SER_CALLBACK_PRIVATE": "true",
    }
    with receiving(500, 200) as receiver, serving(folder, **settings) as service:
        callback = {"url": receiver.url, "events": ["segment", "summary"]}
        start = {**START, "reference": "call 17", "keep": True, "callback": callback}
        messages, code = talk(service, start, raw, STOP)
        assert code == 1000
        expected = [one for one in messages if one["type"] in {"segment", "summary"}]
        # The first delivery fails, and is repeated 5 s later.
        eventually(lambda: len(receiver.verified) > len(expected))
        data = {one["data"]["sequence"]: one["data"] for one in receiver.verified}
        session = messages[0]["session"]
        assert [data[one["sequence"]] for one in expected] == [
            {"session": session, "reference": "call 17", "metadata": {}, **one} for one in expected
        ]
        assert {one["type"] for one in receiver.verified} == {"live.segment", "live.summary"}
        job = until(service, {"id": session}, "succeeded", "failed")
        assert job["result"] == timeline(service, wav)


def test_a_stop_keeps_the_timeline_of_a_session_without_a_connection(folder: Path, tmp_path: Path) -> None:
    wav, raw = encoded()
    settings = {"SER_JOBS": "true", "SER_DATA_DIR": str(tmp_path), "SER_SHUTDOWN_DELAY": "0"}
    with serving(folder, **settings) as service:
        expected = timeline(service, wav)

        async def scenario() -> str:
            socket = await connect(address(service))
            await socket.send(json.dumps({**START, "keep": True}))
            session = str(json.loads(await socket.recv())["session"])
            await socket.send(raw)
            n_segments = sum(len(channel["segments"]) for channel in expected["channels"])
            while n_segments > len(expected["channels"]):  # the end of the stream completes the last ones
                n_segments -= json.loads(await socket.recv())["type"] == "segment"
            socket.transport.abort()
            return session

        session = asyncio.run(scenario())
        service.process.terminate()
        assert service.end() == 0
    with serving(folder, **settings) as service:
        assert until(service, {"id": session}, "succeeded", "failed")["result"] == expected


def test_webhooks_need_jobs(service: Service) -> None:
    messages, code = talk(service, {**START, "callback": {"url": "https://example.com/"}})
    assert (messages[-1]["problem"]["code"], code) == ("jobs-unavailable", 4503)


def test_a_reader_that_does_not_read_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_events, "READ_SECONDS", 0.05)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"data: 1\n\n"

    sent: list[str] = []

    async def stuck(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def scenario() -> None:
        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        async with asyncio.timeout(10):
            await live_events.EventStream(endless())(scope, receive, stuck)

    asyncio.run(scenario())
    assert sent == ["http.response.start", "http.response.body"]
