"""Extraction of the recording from a request, with limits on size and time."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Annotated, Any, cast

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.dependencies import hold_slot
from app.api.form import form_of
from app.api.headerless import HeaderDep, check_headerless
from app.api.upload_errors import InvalidRequest, MalformedRequest, UploadTimeout, UploadTooLarge
from app.core.containers.headerless import MAGIC_SIZE
from app.core.errors import StorageFull, UnsupportedMediaType
from app.core.files import path_of

MULTIPART = "multipart/form-data"
BINARY = {"type": "string", "format": "binary"}
RAW_TYPES = ("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg", "audio/aiff", "audio/basic")
"""The media types of a recording that the description of the API names."""
OTHER_TYPES = frozenset({"application/octet-stream", "application/ogg"})
"""More media types of a recording, besides all of `audio/…`. The content of the file decides."""


class UploadLimit:
    """ASGI middleware that limits the size and the duration of an upload.

    The middleware counts bytes in the receive path. Therefore the limit also holds for a body whose
    Content-Length is missing or false, and the service never holds more than the limit. (Starlette's own
    limit answers in plain text if the Content-Length is too large. This middleware answers with a problem
    document.)
    """

    def __init__(
        self, app: ASGIApp, max_bytes: Mapping[str, int], max_pause: float, max_seconds: float
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            max_bytes: the largest body in bytes, by path; the key "" applies to all other paths.
            max_pause: the longest pause between two parts of the body, in seconds.
            max_seconds: the longest duration of the whole upload, in seconds.
        """
        self.app = app
        self.max_bytes = max_bytes
        self.max_pause = max_pause
        self.max_seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request with a `receive` that raises `UploadTooLarge` or `UploadTimeout`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.max_bytes.get(scope["path"], self.max_bytes[""])
        received, complete = 0, False
        now = asyncio.get_running_loop().time
        end = now() + self.max_seconds

        async def counted() -> Message:
            nonlocal received, complete
            if complete:  # the body is complete; only a disconnect can follow
                return await receive()
            try:
                async with asyncio.timeout_at(min(now() + self.max_pause, end)):
                    message = await receive()
            except TimeoutError as error:
                raise UploadTimeout(
                    f"The upload paused for over {self.max_pause:g} s, or took over {self.max_seconds:g} s. "
                    "Try again over a faster connection."
                ) from error
            complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise UploadTooLarge(
                    f"The request is larger than the limit of {max_bytes} bytes. "
                    "Send a shorter recording, or FLAC or MP3 instead of WAV."
                )
            return message

        await self.app(scope, counted, send)


async def read_recording(
    request: Request, header: HeaderDep, _slot: Annotated[None, Depends(hold_slot)]
) -> bytes:
    """Read the recording from the body: the file of a form, or the body itself.

    Args:
        request: the request, of an accepted media type.
        header: the header to put before headerless audio; empty for other recordings.
        _slot: a slot of the pool, acquired before the body is read.

    Returns:
        The bytes of the file, at least one byte.

    Raises:
        UnsupportedMediaType: the request has another media type.
        MalformedRequest: the body is empty, or the form cannot be parsed.
        InvalidRequest: the form does not have exactly one file in the field `file`, or audio that should
            be headerless has a header.
        UploadTooLarge: the body is larger than the limit.
        UploadTimeout: the upload was too slow.
        Overloaded: no slot is free.
    """
    if _media_type(request) != MULTIPART:
        recording = await read_body(request)
    else:
        with _upload_errors():
            async with _form_file(request) as file:
                recording = await file.read()
    if not recording:
        raise empty_upload()
    check_headerless(header, recording[:MAGIC_SIZE])
    return header + recording


async def read_call(
    request: Request, header: HeaderDep, _slot: Annotated[None, Depends(hold_slot)]
) -> AsyncIterator[Path]:
    """Read a call from the body, as `read_recording` does, into an unnamed file.

    The system deletes an unnamed file when the request ends, even if the service crashes.

    Yields:
        A path at which processes of the same user can open the file while the request lasts.

    Raises:
        UploadError: see `read_recording`.
        StorageFull: the disk is full.
    """
    async with AsyncExitStack() as stack:
        with _upload_errors():
            if _media_type(request) != MULTIPART:
                file: IO[bytes] = stack.enter_context(TemporaryFile())  # noqa: SIM115  # the stack closes it
                file.write(header)
                async for chunk in request.stream():
                    await asyncio.to_thread(file.write, chunk)
            else:
                uploaded = await stack.enter_async_context(_form_file(request))
                file = cast("SpooledTemporaryFile[bytes]", uploaded.file)
                file.rollover()
                if header and uploaded.size:
                    body, file = file, stack.enter_context(TemporaryFile())  # noqa: SIM115  # as above
                    file.write(header)
                    await asyncio.to_thread(shutil.copyfileobj, body, file)
            file.flush()
        if os.fstat(file.fileno()).st_size <= len(header):
            raise empty_upload()
        check_headerless(header, os.pread(file.fileno(), MAGIC_SIZE, len(header)))
        yield path_of(file)


async def read_body(request: Request) -> bytes:
    """Read a body that is not compressed.

    Raises:
        UnsupportedMediaType: the body is compressed.
        MalformedRequest: the connection ended before the body did.
    """
    _check_encoding(request)
    with _upload_errors():
        # Not `request.body()`, which keeps the body until the request ends.
        return b"".join([part async for part in request.stream()])


@contextmanager
def _upload_errors() -> Iterator[None]:
    """Turn the errors of an upload into those of the API.

    Raises:
        MalformedRequest: the connection ended before the upload did.
        StorageFull: the disk is full.
    """
    try:
        yield
    except ClientDisconnect as error:
        raise MalformedRequest("The connection ended before the upload did.") from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StorageFull("The storage has no space for the recording. Try again later.") from error


def empty_upload() -> MalformedRequest:
    """Return the error for a request without a recording."""
    return MalformedRequest("The upload is empty. Send a recording, such as WAV, FLAC or MP3.")


def _check_encoding(request: Request) -> None:
    """Check that the body is not compressed."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaType(
            f"The body is compressed ({encoding[:40]!r}), which is not accepted. Send it without "
            "Content-Encoding; FLAC is a compressed recording."
        )


def _media_type(request: Request) -> str:
    """Return the media type of the body, and check that it and its encoding are accepted."""
    _check_encoding(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MULTIPART and not media_type.startswith("audio/") and media_type not in OTHER_TYPES:
        raise UnsupportedMediaType(
            f"The media type {media_type or '(none)'} is not accepted. Send multipart/form-data with "
            "the recording in the field `file`, or the recording itself with a Content-Type of audio, such "
            "as audio/wav."
        )
    return media_type


@asynccontextmanager
async def _form_file(request: Request) -> AsyncIterator[UploadFile]:
    """Provide the file in the field `file`. The temporary files of the form are deleted afterwards."""
    async with AsyncExitStack() as stack:
        try:
            form = await stack.enter_async_context(form_of(request))
        except MultiPartException as error:
            raise MalformedRequest(f"The form cannot be parsed: {error.message}") from error
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest("The form has no file in the field `file`. Send the recording there.")
        yield file


Recording = Annotated[bytes, Depends(read_recording)]
CallFile = Annotated[Path, Depends(read_call)]

# FastAPI describes an upload by contentMediaType only, which common client generators treat as text.
# `format: binary` marks the upload as a file.
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {**BINARY, "description": "the recording, such as WAV, FLAC or MP3"}
                    },
                }
            },
            **{media_type: {"schema": BINARY} for media_type in RAW_TYPES},
        },
    }
}
