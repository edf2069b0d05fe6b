"""The frames of an MP3 file (ISO/IEC 11172-3 and 13818-3, layer III).

An MP3 file has no header, and its decoder estimates its length, which fails for variable bit rates. This
module therefore finds every frame, so that the length is exact and the decoder receives nothing but frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import BinaryIO

from app.core.containers.header import Header, check_range, cut_off, damaged, read_at, size_of

_SYNC = 0xFFE0_0000
_SAME = 0xFFFE_0C00
"""The bits of a frame header that are the same in all frames of a file: version, layer and sampling rate."""
_LAYER_3 = 1
_MONO = 3
_MPEG_1 = 3
_HEAD = 4
_TAG = 10
_MAX_TAGS = 100
_MAX_JUNK = 64 * 1024
"""The bytes without a frame after which the rest of a file counts as no sound."""
_MAX_FRAMES = 4_000_000
"""A bound on the frames that are counted: more than a day."""
_RATES = {_MPEG_1: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""The sampling rates by version: MPEG-1, MPEG-2, MPEG-2.5."""
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_N_KBITS = 9
"""The index of 128 kbit/s in MPEG-1 and of 80 kbit/s in MPEG-2: frames with room for a description."""
DECODER_DELAY = 529
"""The samples by which a decoder of layer III is late (LAME Technical FAQ). libmpg123 removes them."""


@dataclass(frozen=True)
class FrameFormat:
    """The format that all frames of a file share.

    Attributes:
        head: the header of a frame, as a number of 32 bits.
    """

    head: int

    @cached_property
    def version(self) -> int:
        """The code of the version; 3 is MPEG-1."""
        return self.head >> 19 & 3

    @cached_property
    def sampling_rate(self) -> int:
        """The sampling rate, in Hz."""
        return _RATES[self.version][self.head >> 10 & 3]

    @cached_property
    def n_channels(self) -> int:
        """The number of channels."""
        return 1 if self.head >> 6 & 3 == _MONO else 2

    @cached_property
    def n_samples(self) -> int:
        """The samples of a frame, in each channel."""
        return 1_152 if self.version == _MPEG_1 else 576

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The bytes of a frame by the seven bits of its header from the bit rate to the padding; 0: none."""
        kbits = _KBITS_1 if self.version == _MPEG_1 else _KBITS_2
        coded = self.n_samples // 8 * 1_000
        return tuple(
            kbits[bits >> 3] * coded // self.sampling_rate + (bits & 1) if kbits[bits >> 3] else 0
            for bits in range(128)
        )

    @cached_property
    def side_size(self) -> int:
        """The bytes of the side information, after the header and before a description."""
        mono, stereo = (17, 32) if self.version == _MPEG_1 else (9, 17)
        return mono if self.n_channels == 1 else stereo

    def size(self, head: int) -> int:
        """Return the bytes of the frame of a header; 0 if it is no header of this format."""
        if (head ^ self.head) & _SAME or (head >> 6 & 3 == _MONO) != (self.n_channels == 1):
            return 0
        return self.sizes[head >> 9 & 0x7F]


def format_of(head: bytes) -> FrameFormat | None:
    """Return the format of the frame that begins with these bytes; None if they begin no frame."""
    number = int.from_bytes(head[:_HEAD], "big")
    known = (
        number & _SYNC == _SYNC
        and number >> 17 & 3 == _LAYER_3
        and number >> 19 & 3 in _RATES
        and number >> 10 & 3 < 3  # noqa: PLR2004  # the fourth code is reserved
    )
    found = FrameFormat(number) if known and len(head) >= _HEAD else None
    return found if found and found.size(number) else None


def read_mp3(file: BinaryIO) -> Header:
    """Find the frames of an MP3 file.

    Args:
        file: a file that begins with an ID3v2 tag or with a frame.

    Raises:
        AudioUndecodable: there are no frames, the file is cut off, or it is out of range.
    """
    end = size_of(file)
    found = _find_frame(file, _after_tags(file, 0), end, None, _MAX_JUNK)
    if found is None:
        raise damaged("MP3")
    place, kind = found
    check_range(kind.sampling_rate, kind.n_channels)
    n_declared, delay, padding = _description(file, place, kind)
    if n_declared is not None:
        place += kind.size(int.from_bytes(read_at(file, place, _HEAD), "big"))
    n_frames = sum(1 for _ in islice(frames_from(file, place, end, kind), _MAX_FRAMES))
    if n_declared is not None and n_frames < n_declared - 1:
        raise cut_off()
    n_samples = max(n_frames * kind.n_samples - DECODER_DELAY - delay - padding, 0)
    size = end - place
    return Header(
        ("mp3",), "MPEG_LAYER_III", kind.sampling_rate, kind.n_channels, n_samples, place, size, skip=delay
    )


def frames_from(file: BinaryIO, place: int, end: int, kind: FrameFormat) -> Iterator[tuple[int, int]]:
    """Find the complete frames of a format, and skip everything else, such as tags.

    Yields:
        The position and the size of each frame.
    """
    seek, read, size_for, from_bytes = file.seek, file.read, kind.size, int.from_bytes
    n_junk = 0
    while place < end:
        seek(place)
        size = size_for(from_bytes(read(_HEAD), "big"))
        if size:
            if place + size > end:
                return
            yield place, size
            place += size
            continue
        after = _after_tags(file, place)
        found = _find_frame(file, after, end, kind, _MAX_JUNK - n_junk)
        if found is None:
            return
        # A tag counts little, because its content is not read.
        n_junk += found[0] - after + _TAG
        place = found[0]


def _after_tags(file: BinaryIO, place: int) -> int:
    """Return the position after the ID3v2 tags at a position."""
    for _ in range(_MAX_TAGS):
        tag = read_at(file, place, _TAG)
        if len(tag) < _TAG or not tag.startswith(b"ID3"):
            break
        size = 0
        for byte in tag[6:]:
            size = size << 7 | byte & 0x7F
        place += _TAG + size
    return place


def _find_frame(
    file: BinaryIO, place: int, end: int, kind: FrameFormat | None, n_bytes: int
) -> tuple[int, FrameFormat] | None:
    """Find the next frame that another one, or the end of the file, follows.

    Args:
        file: the file.
        place: the position at which the search starts.
        end: the size of the file.
        kind: the format of the frame; None: any format.
        n_bytes: the number of bytes to search.

    Returns:
        The position and the format of the frame; None if there is none.
    """
    junk = read_at(file, place, max(n_bytes, 0))
    at = -1
    while (at := junk.find(b"\xff", at + 1)) >= 0:
        head = read_at(file, place + at, _HEAD)
        expected = kind or format_of(head)
        size = expected.size(int.from_bytes(head, "big")) if expected else 0
        after = place + at + size
        if expected and size and after <= end:
            following = int.from_bytes(read_at(file, after, _HEAD), "big")
            if after == end or expected.size(following):
                return place + at, expected
    return None


def _description(file: BinaryIO, place: int, kind: FrameFormat) -> tuple[int | None, int, int]:
    """Read the description of the file in its first frame (Xing, with the extension of LAME).

    Returns:
        The number of frames after this one, None without a description; the samples that the encoder
        added at the start; and those that it added at the end, beyond the delay of the decoder.
    """
    content = read_at(file, place + _HEAD + kind.side_size, 156)
    if content[:4] not in {b"Xing", b"Info"}:
        return None, 0, 0
    flags = content[7]
    after = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
    n_frames = int.from_bytes(content[8:12], "big") if flags & 1 else 0
    extension = content[after : after + 24]
    if len(extension) < 24 or extension[:4] not in {b"LAME", b"Lavc", b"Lavf"}:  # noqa: PLR2004
        return n_frames, 0, 0
    both = int.from_bytes(extension[21:24], "big")
    delay, padding = both >> 12, both & 0xFFF
    return n_frames, delay, max(padding - DECODER_DELAY, 0)


def description_frame(kind: FrameFormat, n_frames: int) -> bytes:
    """Return a frame without sound that declares the number of frames after it.

    The decoder estimates the length of a file without such a frame, and may lose its end.
    """
    # No checksum, a medium bit rate, no padding.
    head = kind.head & 0xFFFE_0CFF | 0x0001_0000 | _N_KBITS << 12
    start = head.to_bytes(_HEAD, "big") + bytes(kind.side_size)
    content = start + b"Info" + (1).to_bytes(4, "big") + n_frames.to_bytes(4, "big")
    return content.ljust(kind.size(head), b"\0")
