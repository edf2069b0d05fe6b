"""The decoding of whole recordings, and of parts of calls."""

import io
from collections.abc import Iterator

from app.core import decoder
from app.core.audio import decode
from app.core.containers import FORMATS, identify
from app.core.errors import AudioTooLong, AudioTooShort, AudioUndecodable, UnsupportedMediaType
from fuzz.harnesses import containers

ERRORS = (AudioTooLong, AudioTooShort, AudioUndecodable, UnsupportedMediaType)

MAX_SECONDS = 10.0
"""The limit of the decoding. It bounds the time of one input."""


def seeds() -> Iterator[bytes]:
    """Yield a recording of each kind."""
    return containers.seeds()


def run(data: bytes) -> None:
    """Decode a file as an utterance, then its second half as a part of a call."""
    signal = decode(data, max_seconds=MAX_SECONDS, formats=FORMATS)
    n_samples = signal.samples.shape[1]
    file = io.BytesIO(data)
    header = identify(file, FORMATS)
    decoder.count_samples(file, header)
    decoder.read(file, header, n_samples // 2, n_samples)
