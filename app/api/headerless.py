"""Headerless audio: samples alone, as telephone systems store them, described by the query."""

from typing import Annotated

from fastapi import Depends, Query

from app.api.upload_errors import InvalidRequest
from app.core.containers import has_header
from app.core.containers.header import MAX_CHANNELS, MAX_SAMPLING_RATE, MIN_SAMPLING_RATE
from app.core.containers.headerless import Encoding, describe_samples


async def get_header(
    encoding: Annotated[
        Encoding | None,
        Query(
            description="the encoding of headerless audio, such as `mulaw`; omit it for other recordings. "
            "The bytes of `linear16` are little-endian"
        ),
    ] = None,
    sampling_rate: Annotated[
        Annotated[int, Query(ge=MIN_SAMPLING_RATE, le=MAX_SAMPLING_RATE)] | None,
        Query(description="the sampling rate of headerless audio, in Hz; 8000 if omitted"),
    ] = None,
    channel_count: Annotated[
        Annotated[int, Query(ge=1, le=MAX_CHANNELS)] | None,
        Query(description="the number of interleaved channels of headerless audio; 1 if omitted"),
    ] = None,
) -> bytes:
    """Return the header of a WAV file that makes headerless audio a recording; empty without `encoding`.

    Raises:
        InvalidRequest: there are other parameters of headerless audio, but not its encoding.
    """
    if encoding is not None:
        return describe_samples(encoding, sampling_rate, channel_count)
    if sampling_rate is not None or channel_count is not None:
        raise InvalidRequest(
            "query.encoding: missing. Send it with `sampling_rate` or `channel_count`, which describe "
            "headerless audio, or omit all three."
        )
    return b""


HeaderDep = Annotated[bytes, Depends(get_header)]


def check_headerless(header: bytes, start: bytes) -> None:
    """Check that audio that should be headerless does not begin with the header of a container.

    Args:
        header: the header from `get_header`.
        start: the first bytes of the audio, `MAGIC_SIZE` of them.

    Raises:
        InvalidRequest: the audio has a header.
    """
    if header and has_header(start):
        raise InvalidRequest("query.encoding: the recording has a header of its own. Omit `encoding`.")
