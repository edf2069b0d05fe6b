"""A worker process and its protocol.

An upload is untrusted until it is decoded, and workers decode uploads. The service therefore unpickles no
data from a worker. A message is a length and a JSON object, and then a length and bytes: the field `data` of
a task or of its answer.

    request    {"task": "Recognize", "model": …, "channel": …, …} and the file
    answer     {"duration": …, "probabilities": …, "seconds": …}, or {"error": …, "message": …}
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

from app.core.bundle import read_bundle
from app.core.errors import REGISTRY as ERRORS
from app.core.errors import SpeechEmotionError
from app.core.recognizer import EmotionRecognizer
from app.core.speech import SpeechDetector
from app.pool import sandbox
from app.pool.task import Task, WorkerContext
from app.pool.tasks import TASKS

Answer = TypeVar("Answer")

LENGTH = struct.Struct("<Q")
UNPROTECTED = "unprotected"
"""The key of the first answer: why the worker is not in a sandbox."""
# Parameters of malloc.h, and a size far above the needs of one recording.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _KEPT_BYTES = -1, -3, 256 * 1024 * 1024


class WorkerFailed(SpeechEmotionError):
    """An unexpected error in a worker. The message is its traceback, for the log."""


async def request(task: Task[Answer], reader: StreamReader, writer: StreamWriter) -> Answer:
    """Run a task in the process at the other end of the channel.

    Raises:
        AudioError: the recording cannot be analyzed.
        WorkerFailed: an unexpected error.
        OSError, EOFError: the process died.
    """
    details = {field.name: getattr(task, field.name) for field in fields(task)}
    data: bytes = details.pop("data", b"")
    header = json.dumps({"task": type(task).__name__, **details}).encode()
    writer.writelines([LENGTH.pack(len(header)), header, LENGTH.pack(len(data)), data])
    await writer.drain()
    return cast("Answer", task.answer(**await read_answer(reader)))


async def read_answer(reader: StreamReader) -> dict[str, Any]:
    """Read an answer. The first answer means that the process is ready. `UNPROTECTED` says what it lacks.

    Raises:
        SpeechEmotionError: the answer is an error; the answer names the class.
        OSError, EOFError: the process died.
    """
    answer: dict[str, Any] = json.loads(await _receive(reader))
    if data := await _receive(reader):
        answer["data"] = data
    if "error" in answer:
        raise ERRORS.get(answer["error"], WorkerFailed)(answer["message"])
    return answer


async def _receive(reader: StreamReader) -> bytes:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    return await reader.readexactly(length)


def work(channel: socket.socket, folders: Sequence[Path], *, sandboxed: bool) -> None:
    """Load the bundles in the worker process, then run one task after the other.

    Args:
        channel: the channel to the service; the process ends when the channel is closed.
        folders: the bundles.
        sandboxed: whether the process enters its sandbox before the first task.
    """
    # Both signals reach the whole process group, but only the service decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_service, daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError), channel, channel.makefile("rwb") as stream:
        try:
            detector = SpeechDetector()
            recognizers = {
                folder.name: EmotionRecognizer(read_bundle(folder), detector) for folder in folders
            }
            context = WorkerContext(recognizers, detector)
            _keep_memory()  # after loading, so that the memory of the files returns to the kernel
        except SpeechEmotionError as error:
            return _write(stream, _payload(error))
        _write(stream, {UNPROTECTED: sandbox.enter() if sandboxed else ""})
        while True:
            details, data = json.loads(_read(stream)), _read(stream)
            _write(stream, _answer(details, data, context))
            for recognizer in context.recognizers.values():
                recognizer.prepare()  # after the answer, so that no request waits for it


def _answer(details: dict[str, Any], data: bytes, context: WorkerContext) -> dict[str, Any]:
    """Run the task of a message, and convert any error to an answer."""
    try:
        task = TASKS[details.pop("task")](**({"data": data} if data else {}), **details)
        return asdict(task.run(context))
    except SpeechEmotionError as error:
        return _payload(error)
    except Exception:  # noqa: BLE001  # the outermost handler of this process
        return {"error": WorkerFailed.__name__, "message": traceback.format_exc()}


def _payload(error: SpeechEmotionError) -> dict[str, Any]:
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
    details = dict(answer)
    data: bytes = details.pop("data", b"")
    stream.writelines(LENGTH.pack(len(part)) + part for part in (json.dumps(details).encode(), data))
    stream.flush()


def _keep_memory() -> None:
    """Make the allocator keep the memory that openSMILE frees, for the next recording.

    The kernel supplies memory page by page and zeroed, which costs a fifth of the time with emobase.
    Only glibc has mallopt(3).
    """
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            allocator.mallopt(parameter, _KEPT_BYTES)


def _end_with_service() -> None:
    """Exit after the service has exited for any reason, even during a recording."""
    service = parent_process()
    if service is not None:
        service.join()
        os._exit(1)
