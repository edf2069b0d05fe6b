"""Parsing of a form whose body must be complete."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser


class CompleteParser(MultiPartParser):
    """A parser that refuses a form without its closing boundary.

    Starlette accepts such a form, although its last part may be cut off (RFC 2046, 5.1.1).
    """

    _closed = False

    def on_end(self) -> None:
        """Note the closing boundary."""
        self._closed = True

    async def parse(self) -> FormData:
        """Parse the form.

        Raises:
            MultiPartException: the form cannot be parsed or decoded, or its closing boundary is missing.
        """
        self.stream = self._checked(self.stream)
        try:
            return await super().parse()
        except (
            UnicodeError
        ) as error:  # Starlette expects a subclass, which idna and a few others do not raise
            raise MultiPartException("The text of the form is not in its charset.") from error

    async def _checked(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the body. At its end, fail inside the parser, which then closes its files."""
        async for chunk in stream:
            yield chunk
        if not self._closed:
            raise MultiPartException("The closing boundary is missing. Was the upload cut off?")


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """Provide the form of a request with at most one file and one field, and close its files afterwards.

    Raises:
        MultiPartException: the form cannot be parsed, or its closing boundary is missing.
    """
    form = await CompleteParser(request.headers, request.stream(), max_files=1, max_fields=1).parse()
    try:
        yield form
    finally:
        await form.close()
