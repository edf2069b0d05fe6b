"""The header of a FLAC file: STREAMINFO (RFC 9639, section 8.2)."""

from typing import BinaryIO

from app.core.containers.header import Header, check_range, damaged, read_at, size_of

MAGIC = frozenset({b"fLaC"})

_SIZE = 42
"""The bytes of the magic, of the header of the first block, and of STREAMINFO."""
_FIRST_BLOCK = bytes((0, 0, 0, 34))
"""The type and the size of STREAMINFO, without the flag of the last block."""


def read_flac(file: BinaryIO) -> Header:
    """Read the header of a FLAC file.

    Args:
        file: a file that begins with an entry of `MAGIC`.

    Returns:
        The header. Its number of samples is None if the encoder wrote to a pipe and left it out.

    Raises:
        AudioUndecodable: the header is damaged or out of range.
    """
    head = read_at(file, 0, _SIZE)
    if len(head) < _SIZE or bytes((head[4] & 0x7F, *head[5:8])) != _FIRST_BLOCK:
        raise damaged("FLAC")
    fields = int.from_bytes(head[18:26], "big")
    rate, n_channels = fields >> 44, (fields >> 41 & 7) + 1
    check_range(rate, n_channels)
    n_samples = fields & (2**36 - 1)
    return Header(("flac",), "FLAC", rate, n_channels, n_samples or None, 0, size_of(file))
