"""From a request to the bytes of the recording that it carries."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Annotated, Any, cast

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.dependencies import hold_place
from app.core.errors import SpeechEmotionError, UnsupportedMediaType
from app.jobs.job import StorageFull

MULTIPART = "multipart/form-data"
BINARY = {"type": "string", "format": "binary"}
RAW_TYPES = (
    "audio/wav",
    "audio/flac",
    "audio/x-wav",
    "audio/wave",
    "audio/vnd.wave",
    "audio/x-flac",
    "application/octet-stream",
)


class UploadError(SpeechEmotionError):
    """The request does not carry a recording."""


class MalformedRequest(UploadError):
    """The body is empty or cannot be parsed."""


class InvalidRequest(UploadError):
    """The body can be parsed, but a part of it is missing or wrong."""


class UploadTooLarge(UploadError):
    """More bytes than one request may carry."""


class UploadTimeout(UploadError):
    """The upload stalled, or took too long."""


class UploadLimit:
    """ASGI middleware that counts the bytes of a body as they arrive, and the time.

    It stands in the receive path, so that a body without, or with a lying, Content-Length is
    bounded as well: no more than the limit is ever held. (Starlette's own limit answers in plain
    text where the Content-Length is too large; here it is a problem like any other.)
    """

    def __init__(
        self, app: ASGIApp, max_bytes: Mapping[str, int], max_pause: float, max_seconds: float
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            max_bytes: the largest body, by path; "" is for every path that is not there.
            max_pause: seconds in which the next bytes have to arrive.
            max_seconds: seconds in which all of them have to.
        """
        self.app = app
        self.max_bytes = max_bytes
        self.max_pause = max_pause
        self.max_seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a `receive` that raises `UploadTooLarge` or `UploadTimeout`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.max_bytes.get(scope["path"], self.max_bytes[""])
        received, complete = 0, False
        now = asyncio.get_running_loop().time
        end = now() + self.max_seconds

        async def counted() -> Message:
            nonlocal received, complete
            if complete:  # what is waited for now is the client's going away
                return await receive()
            try:
                async with asyncio.timeout_at(min(now() + self.max_pause, end)):
                    message = await receive()
            except TimeoutError as error:
                raise UploadTimeout(
                    f"The upload paused for over {self.max_pause:g} s, or took over {self.max_seconds:g} s. "
                    "Try again over a better line."
                ) from error
            complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise UploadTooLarge(
                    f"The request is larger than {max_bytes} bytes, the most that is accepted. "
                    "Send a shorter recording, or FLAC instead of WAV."
                )
            return message

        await self.app(scope, counted, send)


async def read_recording(request: Request, _place: Annotated[None, Depends(hold_place)]) -> bytes:
    """Take the recording from the body: the file of a form, or the body itself.

    Args:
        request: of one of the media types in `REQUEST_BODY`.
        _place: nothing is read where the service cannot hold it.

    Returns:
        The bytes of the file, at least one.

    Raises:
        UnsupportedMediaType: another media type.
        MalformedRequest: nothing in it, or not a form although it says so.
        InvalidRequest: a form without exactly one file in the field `file`.
        UploadTooLarge: more bytes than one request may carry.
        UploadTimeout: they came too slowly.
        Overloaded: there is no place for another request.
    """
    try:
        if _media_type(request) != MULTIPART:
            recording = await request.body()
        else:
            async with _form_file(request) as file:
                recording = await file.read()
    except ClientDisconnect as error:
        raise MalformedRequest("The connection ended before the upload did.") from error
    if not recording:
        raise empty_upload()
    return recording


async def read_call(request: Request, _place: Annotated[None, Depends(hold_place)]) -> AsyncIterator[Path]:
    """Take a call from the body, as `read_recording` does, into a file that has no name.

    It has no name so that it is gone with the request, however the service ends.

    Yields:
        Where this user's processes can open it, as long as the request lasts.

    Raises:
        As `read_recording`.
    """
    async with AsyncExitStack() as stack:
        try:
            if _media_type(request) != MULTIPART:
                file: IO[bytes] = stack.enter_context(TemporaryFile())  # noqa: SIM115  # the stack closes it
                async for chunk in request.stream():
                    await asyncio.to_thread(file.write, chunk)
            else:
                uploaded = await stack.enter_async_context(_form_file(request))
                file = cast("SpooledTemporaryFile[bytes]", uploaded.file)
                file.rollover()
            file.flush()
        except ClientDisconnect as error:
            raise MalformedRequest("The connection ended before the upload did.") from error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StorageFull("There is no room for the recording. Try again in a while.") from error
        if not os.fstat(file.fileno()).st_size:
            raise empty_upload()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def empty_upload() -> MalformedRequest:
    """The error of a request without a recording."""
    return MalformedRequest("The upload is empty. Send a WAV or FLAC recording.")


def _media_type(request: Request) -> str:
    """The media type of the body, which is one that is accepted."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MULTIPART and media_type not in RAW_TYPES:
        raise UnsupportedMediaType(
            f"The media type {media_type or '(none)'} is not accepted. Send multipart/form-data with "
            "the recording in the field `file`, or the recording itself with Content-Type: audio/wav or "
            "audio/flac."
        )
    return media_type


@asynccontextmanager
async def _form_file(request: Request) -> AsyncIterator[UploadFile]:
    """The field `file`; the form's temporary files are gone afterwards."""
    async with AsyncExitStack() as stack:
        try:
            form = await stack.enter_async_context(request.form(max_files=1, max_fields=1))
        except HTTPException as error:
            raise MalformedRequest(f"The form cannot be parsed: {error.detail}") from error
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest("The form has no file in the field `file`. Send the recording there.")
        yield file


Recording = Annotated[bytes, Depends(read_recording)]
CallFile = Annotated[Path, Depends(read_call)]

# FastAPI writes an upload as contentMediaType alone, which the usual generators take for text;
# `format: binary` tells them that it is a file.
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {**BINARY, "description": "a WAV or FLAC recording"}},
                }
            },
            **{media_type: {"schema": BINARY} for media_type in RAW_TYPES[:2]},
        },
    }
}
