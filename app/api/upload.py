"""From a request to the bytes of the recording that it carries."""

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.dependencies import hold_place
from app.core.errors import SpeechEmotionError, UnsupportedMediaType

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

    def __init__(self, app: ASGIApp, max_bytes: int, max_pause: float, max_seconds: float) -> None:
        """Wrap an application.

        Args:
            app: the application.
            max_bytes: the largest body.
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
            if received > self.max_bytes:
                raise UploadTooLarge(
                    f"The request is larger than {self.max_bytes} bytes, the most that is accepted. "
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
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MULTIPART and media_type not in RAW_TYPES:
        raise UnsupportedMediaType(
            f"The media type {media_type or '(none)'} is not accepted. Send multipart/form-data with "
            "the recording in the field `file`, or the recording itself with Content-Type: audio/wav or "
            "audio/flac."
        )
    try:
        recording = await (_file_of_form(request) if media_type == MULTIPART else request.body())
    except ClientDisconnect as error:
        raise MalformedRequest("The connection ended before the upload did.") from error
    if not recording:
        raise MalformedRequest("The upload is empty. Send a WAV or FLAC recording.")
    return recording


async def _file_of_form(request: Request) -> bytes:
    """Read the field `file`; the form's temporary files are gone afterwards."""
    try:
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidRequest("The form has no file in the field `file`. Send the recording there.")
            return await file.read()
    except HTTPException as error:
        raise MalformedRequest(f"The form cannot be parsed: {error.detail}") from error


Recording = Annotated[bytes, Depends(read_recording)]

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
