"""Whether a WAV file is all there.

libsndfile decodes a file that ends too early without a word, so its chunks are looked at here.
"""

# A recorder that writes to a pipe cannot know the length and puts the largest one it can there
# (0xFFFFFFFF, 0x7FFFFFFF or a little less): the file is whole all the same.
_LENGTH_UNKNOWN = 0x7FFF_0000
_HEADER = 8  # bytes of a chunk's name and size
_RF64_DATA_SIZE = slice(_HEADER + 8, _HEADER + 16)  # in the chunk ds64, EBU Tech 3306


def is_cut_off(data: bytes) -> bool:
    """Whether a file ends before the length that its header gives for its samples.

    Args:
        data: a RIFF or RF64 file, its first bytes checked; any other has no such chunks.

    Returns:
        True if at least two bytes are missing: one may be padding that nobody wrote.
    """
    long_size = 0
    place = 12
    while place + _HEADER <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + _HEADER], "little")
        if name == b"ds64":
            long_size = int.from_bytes(data[place:][_RF64_DATA_SIZE], "little")
        elif name == b"data":
            if data[:4] == b"RF64":
                size = long_size
            elif size >= _LENGTH_UNKNOWN:
                return False
            return size > len(data) - place - _HEADER + 1
        place += _HEADER + size + size % 2
    return False
