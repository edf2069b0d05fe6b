"""Whether a WAV file is all there.

libsndfile decodes a file that ends too early without a word, so its chunks are looked at here.
"""

import io
from typing import BinaryIO

# A recorder that writes to a pipe cannot know the length and puts the largest one it can there
# (0xFFFFFFFF, 0x7FFFFFFF or a little less): the file is whole all the same.
_LENGTH_UNKNOWN = 0x7FFF_0000
_HEADER = 8  # bytes of a chunk's name and size
_RF64_DATA_SIZE = slice(8, 16)  # in the content of the chunk ds64, EBU Tech 3306


def is_cut_off(file: BinaryIO) -> bool:
    """Whether a file ends before the length that its header gives for its samples.

    Args:
        file: WAV (RIFF or RF64), its first bytes checked; any other has no such chunks. It is
            read and sought.

    Returns:
        True if at least two bytes are missing: one may be padding that nobody wrote.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    is_long, long_size, place = file.read(4) == b"RF64", 0, 12
    while place + _HEADER <= end:
        file.seek(place)
        header = file.read(_HEADER)
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[_RF64_DATA_SIZE], "little")
        elif name == b"data":
            if is_long:
                size = long_size
            elif size >= _LENGTH_UNKNOWN:
                return False
            return size > end - place - _HEADER + 1
        place += _HEADER + size + size % 2
    return False
