"""Detection of truncated WAV files.

libsndfile decodes a truncated file without an error. Therefore this module reads the RIFF chunks itself.
"""

import io
from typing import BinaryIO

# A recorder that writes to a pipe cannot know the length. It writes the largest possible length instead
# (0xFFFFFFFF, 0x7FFFFFFF or slightly less). Such a file is complete.
_LENGTH_UNKNOWN = 0x7FFF_0000
_HEADER = 8  # bytes of the name and the size of a chunk
_RF64_DATA_SIZE = slice(8, 16)  # position in the content of the chunk ds64, EBU Tech 3306


def is_cut_off(file: BinaryIO) -> bool:
    """Return whether a file ends before the length that its header declares.

    Args:
        file: a WAV file (RIFF or RF64), whose first bytes the caller has checked. Files of other formats
            have no such chunks and count as complete. The function changes the position in the file.

    Returns:
        True if at least two bytes are missing. One missing byte may be padding that the writer omitted.
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
