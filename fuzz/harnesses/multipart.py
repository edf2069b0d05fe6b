"""The reader of forms. An input is the header Content-Type, a line break, and the body."""

import asyncio
import re
from collections.abc import Iterator

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.types import Message

from app.api.form import form_of

ERRORS = (MultiPartException,)

_HEADER_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
"""The bytes of a header that the server accepts (RFC 9110, 5.5)."""
_FILE = (
    b'Content-Disposition: form-data; name="file"; filename="call.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF'
)
_FIELD = b'Content-Disposition: form-data; name="model"\r\n\r\nsmall'


def seeds() -> Iterator[bytes]:
    """Yield forms with a file and a field, of several character sets."""
    for charset in (b"", b"; charset=utf-8", b"; charset=idna"):
        start = b"multipart/form-data; boundary=x" + charset + b"\n"
        yield start + b"--x\r\n" + _FILE + b"\r\n--x--\r\n"
        yield start + b"--x\r\n" + _FIELD + b"\r\n--x\r\n" + _FILE + b"\r\n--x--"


def run(data: bytes) -> None:
    """Read a form and its file."""
    content_type, _, body = data.partition(b"\n")
    if _HEADER_VALUE.fullmatch(content_type):
        asyncio.run(_read(content_type, body))


async def _read(content_type: bytes, body: bytes) -> None:
    """Read a form whose body arrives in two parts."""
    half = len(body) // 2
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:], "more_body": False},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type)]}
    async with form_of(Request(scope, receive)) as form:
        file = form.get("file")
        if isinstance(file, UploadFile):
            await file.read()
