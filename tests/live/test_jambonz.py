"""The audio stream of jambonz."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.live.connection import InvalidMessage
from app.live.messages import Start
from app.live.protocols.jambonz import Jambonz
from testing.live_client import STOP, Message, address, exchange, serving, talk, telephone, timeline
from testing.service import Service

PATH = "/v1/live/jambonz"
CALL: Message = {
    "sampleRate": 8000,
    "mixType": "stereo",
    "callSid": "df09e8d4-7ffd-492b-94d9-51a60318552c",
    "direction": "inbound",
    "from": "+15083084809",
    "to": "+15085710838",
    "callId": "f0414693-bdb6-1238-6185-06d91d68c9b0",
    "sipStatus": 200,
    "callStatus": "in-progress",
    "accountSid": "fef61e75-cec3-496c-a7bc-8368e4d02a04",
    "applicationSid": "0e0681b0-d49f-4fb8-b973-b5a3c6758de1",
    "key": "secret",  # `metadata` of the verb is part of the message
    "interim_interval": 2,
}
DTMF = {"event": "dtmf", "dtmf": "1", "duration": "1600"}


def test_the_first_frame_describes_the_stream() -> None:
    protocol = Jambonz()
    assert list(protocol.read(json.dumps(CALL))) == [
        Start(
            type="start",
            encoding="linear16",
            sampling_rate=8000,
            channels=2,
            roles=["customer", "agent"],
            interim_interval=2,
            reference="df09e8d4-7ffd-492b-94d9-51a60318552c",
        )
    ]
    assert protocol.key == "secret"
    assert [list(protocol.read(frame)) for frame in (json.dumps(DTMF), "text", b"ab")] == [[], [], [b"ab"]]


@pytest.mark.parametrize(
    ("fields", "channels", "role"),
    [
        ({"mixType": "mono"}, 1, "customer"),
        ({"mixType": "mixed"}, 1, "mixed"),
        ({"mixType": "mono", "metadata": {"roles": "caller"}}, 1, "caller"),
    ],
)
def test_the_mix_decides_the_channels(fields: Message, channels: int, role: str) -> None:
    [start] = Jambonz().read(json.dumps({**CALL, **fields}))
    assert isinstance(start, Start)
    assert (start.channels, start.roles) == (channels, [role])


HOSTILE: list[tuple[Any, str]] = [
    (b"\0\0", "first frame"),
    ("{", "JSON"),
    ("[" * 100_000, "JSON"),
    ("[]", "object"),
    ({**CALL, "sampleRate": 64_000}, "sampling_rate"),
    ({**CALL, "sampleRate": "x"}, "sampleRate"),
    ({**CALL, "mixType": "quadro"}, "mixType"),
    ({"mixType": "mono"}, "sampleRate"),
    ({**CALL, "metadata": {"analyze": [2**70]}}, "channel"),
    ({**CALL, "callSid": "1" * 200}, "reference"),
]


@pytest.mark.parametrize(("frame", "detail"), [one for one in HOSTILE if one[1] != "channel"])
def test_a_hostile_first_frame_is_invalid(frame: Message | str | bytes, detail: str) -> None:
    with pytest.raises(InvalidMessage, match=detail):
        Jambonz().read(json.dumps(frame) if isinstance(frame, dict) else frame)


def test_hostile_streams_end_with_the_code_of_the_problem(service: Service) -> None:
    async def scenario() -> list[tuple[list[Message], int | None]]:
        return [await exchange(service, [frame], PATH) for frame, _ in HOSTILE]

    assert asyncio.run(scenario()) == [([], 4422)] * len(HOSTILE)
    assert "Traceback" not in service.log


def test_a_call_has_the_timeline_of_its_recording(service: Service) -> None:
    wav, raw = telephone("PCM_16")
    protocol = Jambonz()
    pieces = [raw[start : start + 1_001] for start in range(0, len(raw), 1_001)]
    frames: list[str | bytes] = [json.dumps(CALL), *pieces]
    items = [item for frame in frames for item in protocol.read(frame)]
    native = (item.model_dump() if isinstance(item, Start) else item for item in items)
    messages, _ = talk(service, *native, STOP)
    assert messages[-2]["timeline"] == timeline(service, wav, "?roles=customer,agent")


def test_the_service_selects_the_subprotocol_and_sends_nothing(service: Service) -> None:
    _, raw = telephone("PCM_16")

    async def scenario() -> str | None:
        subprotocols = [Subprotocol("audio.jambonz.org")]
        async with connect(address(service, PATH), subprotocols=subprotocols) as socket:
            for frame in (json.dumps(CALL), raw[:8_000], json.dumps(DTMF), raw[8_000:]):
                await socket.send(frame)
            await socket.close()
            assert [message async for message in socket] == []
            return socket.subprotocol

    assert asyncio.run(scenario()) == "audio.jambonz.org"


def test_the_key_is_metadata_or_the_password(folder: Path) -> None:
    sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    wrong, nothing = {**CALL, "key": "wrong"}, {**CALL, "key": None}
    with serving(folder, SER_API_KEYS=f"caller:{sha256}", SER_LIVE_IDLE_SECONDS="0.5") as service:

        async def close_codes() -> list[int | None]:
            return [
                (await exchange(service, [call], PATH, headers))[1]
                for call, headers in (
                    (CALL, None),
                    (wrong, None),
                    (nothing, None),
                    (nothing, basic("user:secret")),
                    (CALL, basic("user:wrong")),
                    (CALL, {"Authorization": "Basic ä"}),
                )
            ]

        accepted = 4408  # the service waits for audio
        assert asyncio.run(close_codes()) == [accepted, 4401, 4401, accepted, 4401, 4401]


def basic(credentials: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}
