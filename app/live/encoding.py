"""Decoding of the samples of a stream: linear PCM of 16 bits, mu-law and A-law."""

import io
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray

from app.core.containers.headerless import Encoding

SUBTYPES: dict[Encoding, str] = {"mulaw": "ULAW", "alaw": "ALAW"}
"""The encodings of 8 bits, with the names of libsndfile."""
SILENCE: dict[Encoding, bytes] = {"linear16": b"\0\0", "mulaw": b"\xff", "alaw": b"\xd5"}
"""The sample that is zero, or next to it in A-law, which has no zero (ITU-T G.711, tables 1a and 2a)."""


class StreamDecoder:
    r"""A decoder of interleaved samples that arrive in messages of any size.

    Example:
        >>> decoder = StreamDecoder("linear16", n_channels=2)
        >>> decoder.decode(b"\x00\x40\x00")
        array([], shape=(2, 0), dtype=float32)
        >>> decoder.decode(b"\xc0")
        array([[ 0.5],
               [-0.5]], dtype=float32)
    """

    def __init__(self, encoding: Encoding, n_channels: int) -> None:
        """Start before the first sample.

        Args:
            encoding: the encoding of a sample. The bytes of `linear16` are little-endian.
            n_channels: the number of interleaved channels.
        """
        self._encoding = encoding
        self._n_channels = n_channels
        self._rest = b""

    @property
    def frame_size(self) -> int:
        """The bytes of one sample of all channels."""
        return self._n_channels * (2 if self._encoding == "linear16" else 1)

    def take_rest(self) -> bytes:
        """Return the bytes of an incomplete sample, and forget them."""
        rest, self._rest = self._rest, b""
        return rest

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Decode the complete samples of a message; the rest waits for the next message.

        Args:
            data: the bytes of the message.

        Returns:
            The samples, float32, shape (n_channels, n_samples), bit-identical to those of a WAV file.
        """
        data = self._rest + data
        n_complete = len(data) // self.frame_size * self.frame_size
        self._rest = data[n_complete:]
        if self._encoding == "linear16":
            samples = np.frombuffer(data, "<i2", n_complete // 2).astype(np.float32)
            samples /= np.float32(32_768)
        else:
            samples = _table(self._encoding)[np.frombuffer(data, np.uint8, n_complete)]
        return np.ascontiguousarray(samples.reshape(-1, self._n_channels).T)


@cache
def _table(encoding: Encoding) -> NDArray[np.float32]:
    """Return the value of each byte, float32, shape (256,), as libsndfile decodes it."""
    every_byte = io.BytesIO(bytes(range(256)))
    samples, _ = soundfile.read(
        every_byte, dtype="float32", samplerate=8_000, channels=1, format="RAW", subtype=SUBTYPES[encoding]
    )
    table: NDArray[np.float32] = samples
    return table
