"""Send a recording to the live endpoint at the speed of a call, and print the messages of the service.

    python examples/live.py URL FILE [SPEED]

The environment variable API_KEY may hold the key. SPEED is relative to real time. The program needs the
packages `soundfile` and `websockets`.
"""

import asyncio
import json
import os
import sys

import soundfile
from websockets.asyncio.client import ClientConnection, connect

PIECE = 0.02  # seconds of audio in a message, as on a telephone line


async def send(socket: ClientConnection, file: soundfile.SoundFile, speed: float) -> None:
    """Send the samples of a file, and `stop`."""
    stream = {"encoding": "linear16", "sampling_rate": file.samplerate, "channels": file.channels}
    await socket.send(json.dumps({"type": "start", **stream}))
    for piece in file.blocks(round(PIECE * file.samplerate), dtype="int16"):
        await socket.send(piece.astype("<i2").tobytes())
        await asyncio.sleep(PIECE / speed)
    await socket.send(json.dumps({"type": "stop"}))


async def main(url: str, path: str, speed: str = "1") -> int:
    """Print each message until the service closes the connection. Return 1 after an error."""
    key = os.environ.get("API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    address = url.replace("http", "ws", 1) + "/v1/audio/live"
    status = 0
    # The file is opened first, so that a wrong file ends the program before the session starts.
    with soundfile.SoundFile(path) as file:
        async with connect(address, additional_headers=headers) as socket:
            sending = asyncio.create_task(send(socket, file, float(speed)))
            async for message in socket:
                print(message, flush=True)
                if json.loads(message)["type"] == "error":
                    status = 1
                    break
            sending.cancel()
    return status


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(*sys.argv[1:])))
    except soundfile.LibsndfileError as error:
        sys.exit(str(error))
