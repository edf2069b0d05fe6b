"""The parsers of headers."""

import io
from collections.abc import Iterator

from app.core.containers import FORMATS, identify
from app.core.errors import AudioUndecodable, UnsupportedMediaType
from testing.recordings import CODECS, encode, encode_as, tone

ERRORS = (AudioUndecodable, UnsupportedMediaType)

SECONDS = 0.1
"""The duration of a seed. Mutations of a short file often hit its header."""


def seeds() -> Iterator[bytes]:
    """Yield a recording of each kind."""
    yield encode(tone(SECONDS, channels=2))
    for kind in CODECS:
        yield encode_as(kind, tone(SECONDS))


def run(data: bytes) -> None:
    """Read the header of a file, with every format enabled."""
    identify(io.BytesIO(data), FORMATS)
