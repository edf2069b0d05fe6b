"""A recogniser process, and how one talks to it.

An upload is hostile until it is decoded, and it is decoded in here. So nothing that comes out of
this process is ever unpickled: a message is a JSON object, after its length, and a recording
follows as bytes, after theirs.

    to it      {"task": "Recognize", "model": …, "channel": …, …} and the file
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
from dataclasses import asdict, fields
from io import BufferedRWPair
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, TypeVar, cast

from app.core import errors
from app.core.bundle import read_bundle
from app.core.errors import SpeechEmotionError
from app.core.recognizer import EmotionRecognizer
from app.core.speech import SpeechDetector
from app.tasks import TASKS, Task, Tools

Answer = TypeVar("Answer")

LENGTH = struct.Struct("<Q")
# Of malloc.h; far more than one recording takes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _KEPT_BYTES = -1, -3, 256 * 1024 * 1024


class WorkerFailed(SpeechEmotionError):
    """Something in the worker that nobody expected; the message is its traceback, for the log."""


async def ask(task: Task[Answer], reader: StreamReader, writer: StreamWriter) -> Answer:
    """Have the process at the other end do a task.

    Raises:
        AudioError: the recording cannot be analysed.
        WorkerFailed: nobody expected that.
        OSError, EOFError: the process died.
    """
    details = {field.name: getattr(task, field.name) for field in fields(task)}
    data: bytes = details.pop("data", b"")
    header = json.dumps({"task": type(task).__name__, **details}).encode()
    writer.writelines([LENGTH.pack(len(header)), header, LENGTH.pack(len(data)), data])
    await writer.drain()
    return cast("Answer", task.answer(**await read_answer(reader)))


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
    """In the process: load the bundles, then do one task after the other.

    Args:
        channel: to the service; the process ends when it is closed.
        folders: the bundles.
    """
    # Both go to the whole process group; stopping is the service's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_service, daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError), channel, channel.makefile("rwb") as stream:
        try:
            detector = SpeechDetector()
            recognizers = {
                folder.name: EmotionRecognizer(read_bundle(folder), detector) for folder in folders
            }
            tools = Tools(recognizers, detector)
            _keep_memory()  # only now, so that the content of the files goes back to the kernel
        except SpeechEmotionError as error:
            return _write(stream, _told(error))
        _write(stream, {})
        while True:
            details, data = json.loads(_read(stream)), _read(stream)
            _write(stream, _answer(details, data, tools))
            for recognizer in tools.recognizers.values():
                recognizer.prepare()  # while nobody waits for it


def _answer(details: dict[str, Any], data: bytes, tools: Tools) -> dict[str, Any]:
    """From a message to the answer, whatever happens."""
    try:
        task = TASKS[details.pop("task")](**({"data": data} if data else {}), **details)
        return asdict(task.run(tools))
    except SpeechEmotionError as error:
        return _told(error)
    except Exception:  # noqa: BLE001  # the outermost handler of this process
        return {"error": WorkerFailed.__name__, "message": traceback.format_exc()}


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
