"""A recogniser process, and how one talks to it.

An upload is hostile until it is decoded, and it is decoded in here. So nothing that comes out of
this process is ever unpickled: a message is a JSON object, after its length, and a recording
follows as bytes, after theirs.

    to it      {"model": …, "channel": …, …} and the file
    from it    {"duration": …, "probabilities": …, "seconds": …}, or {"error": …, "message": …}
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import threading
import traceback
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BufferedRWPair
from multiprocessing import parent_process
from pathlib import Path
from time import perf_counter
from typing import Any

from app.core import errors
from app.core.audio import Channel, decode
from app.core.bundle import read_bundle
from app.core.channels import select_permitted
from app.core.errors import SpeechEmotionError
from app.core.recognition import Recognition
from app.core.recognizer import EmotionRecognizer

LENGTH = struct.Struct("<Q")
# Of malloc.h; far more than one recording takes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _KEPT_BYTES = -1, -3, 256 * 1024 * 1024


class WorkerFailed(SpeechEmotionError):
    """Something in the worker that nobody expected; the message is its traceback, for the log."""


@dataclass(frozen=True, slots=True)
class Task:
    """One recording to recognise.

    Attributes:
        data: the WAV or FLAC file.
        model: the name of the bundle.
        channel: which channel is analysed.
        min_seconds: the shortest recording accepted.
        max_seconds: the longest.
        permitted: channels that may be analysed; None permits all.
    """

    data: bytes
    model: str
    channel: Channel
    min_seconds: float
    max_seconds: float
    permitted: frozenset[int] | None = None


async def ask(task: Task, reader: StreamReader, writer: StreamWriter) -> Recognition:
    """Have the process at the other end recognise a recording.

    Raises:
        AudioError: it cannot be analysed.
        WorkerFailed: nobody expected that.
        OSError, EOFError: the process died.
    """
    details = {
        "model": task.model,
        "channel": task.channel,
        "min_seconds": task.min_seconds,
        "max_seconds": task.max_seconds,
        "permitted": None if task.permitted is None else sorted(task.permitted),
    }
    header = json.dumps(details).encode()
    writer.writelines([LENGTH.pack(len(header)), header, LENGTH.pack(len(task.data)), task.data])
    await writer.drain()
    return Recognition(**await read_answer(reader))


async def read_answer(reader: StreamReader) -> dict[str, Any]:
    """Read what the process says; the first answer, empty, is that it is ready.

    Raises:
        SpeechEmotionError: what it says is an error, of the class that it names.
        OSError, EOFError: the process died.
    """
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    answer: dict[str, Any] = json.loads(await reader.readexactly(length))
    if "error" in answer:
        error: type[SpeechEmotionError] = getattr(errors, answer["error"], WorkerFailed)
        raise error(answer["message"])
    return answer


def work(channel: socket.socket, folders: Sequence[Path]) -> None:
    """In the process: load the bundles, then answer for one recording after the other.

    Args:
        channel: to the service; the process ends when it is closed.
        folders: the bundles.
    """
    # Both go to the whole process group; stopping is the service's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_service, daemon=True).start()
    _keep_memory()
    with contextlib.suppress(EOFError, ConnectionError), channel, channel.makefile("rwb") as stream:
        try:
            recognizers = {folder.name: EmotionRecognizer(read_bundle(folder)) for folder in folders}
        except SpeechEmotionError as error:
            return _write(stream, _told(error))
        _write(stream, {})
        while True:
            details, data = json.loads(_read(stream)), _read(stream)
            _write(stream, _answer(Task(data, **details), recognizers))
            for recognizer in recognizers.values():
                recognizer.prepare()  # while nobody waits for it


def _answer(task: Task, recognizers: Mapping[str, EmotionRecognizer]) -> dict[str, Any]:
    """From the file's bytes to the answer, whatever happens."""
    try:
        return asdict(_recognize(task, recognizers))
    except SpeechEmotionError as error:
        return _told(error)
    except Exception:  # noqa: BLE001  # the outermost handler of this process
        return {"error": WorkerFailed.__name__, "message": traceback.format_exc()}


def _recognize(task: Task, recognizers: Mapping[str, EmotionRecognizer]) -> Recognition:
    """From the file's bytes to the answer."""
    started = perf_counter()
    recording = decode(task.data, min_seconds=task.min_seconds, max_seconds=task.max_seconds)
    permitted = None if task.permitted is None else frozenset(task.permitted)
    chosen = select_permitted(recording, task.channel, permitted)
    decoded = perf_counter() - started
    recognition = recognizers[task.model].recognize(chosen)
    return replace(recognition, seconds={"decode": decoded, **recognition.seconds})


def _told(error: SpeechEmotionError) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error)}


def _read(stream: BufferedRWPair) -> bytes:
    (length,) = LENGTH.unpack(_read_exactly(stream, LENGTH.size))
    return _read_exactly(stream, length)


def _read_exactly(stream: BufferedRWPair, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def _write(stream: BufferedRWPair, answer: Mapping[str, Any]) -> None:
    data = json.dumps(answer).encode()
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def _keep_memory() -> None:
    """Have the allocator keep what openSMILE frees after each recording: the next needs as much again.

    Given back to the kernel, it comes again page by page, zeroed, which is a fifth of the time with
    emobase. Only glibc has mallopt(3).
    """
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            allocator.mallopt(parameter, _KEPT_BYTES)


def _end_with_service() -> None:
    """End when the service is gone, however it went, even in the middle of a recording."""
    service = parent_process()
    if service is not None:
        service.join()
        os._exit(1)
