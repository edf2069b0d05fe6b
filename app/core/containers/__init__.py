"""Our own parsers of the headers of recordings.

They decide the format of a file before any decoder sees its bytes. A parser allocates nothing that a header
claims, and refuses a header that contradicts itself. Each container has its module.
"""

from collections.abc import Callable, Collection
from typing import BinaryIO

from app.core.containers import aiff, au, caf, flac, mp3, ogg, riff
from app.core.containers.header import CONVERT, Header, read_at
from app.core.errors import UnsupportedMediaType

DEFAULT_FORMATS = ("wav", "flac", "mp3", "ogg", "aiff", "au")
"""The formats that are enabled unless the operator chooses others."""
FORMATS = {
    "wav": "WAV",
    "flac": "FLAC",
    "mp3": "MP3",
    "ogg": "Ogg",
    "aiff": "AIFF",
    "au": "AU",
    "caf": "CAF",
    "adpcm": "IMA or Microsoft ADPCM",
    "gsm": "GSM 6.10",
    "g72x": "G.721 or G.723",
}
"""The names of all formats, with their names for people."""

_PARSERS: dict[bytes, tuple[str, Callable[[BinaryIO], Header]]] = {
    **dict.fromkeys(riff.MAGIC, ("wav", riff.read_riff)),
    **dict.fromkeys(flac.MAGIC, ("flac", flac.read_flac)),
    **dict.fromkeys(ogg.MAGIC, ("ogg", ogg.read_ogg)),
    **dict.fromkeys(aiff.MAGIC, ("aiff", aiff.read_aiff)),
    **dict.fromkeys(au.MAGIC, ("au", au.read_au)),
    **dict.fromkeys(caf.MAGIC, ("caf", caf.read_caf)),
}
_OTHERS = (
    (4, b"ftyp", "MP4, M4A or AAC"),
    (0, b"#!AMR", "AMR"),
    (0, bytes.fromhex("3026b2758e66cf11"), "WMA"),
    (0, bytes.fromhex("1a45dfa3"), "WebM or Matroska"),
    (0, b"riff\x2e\x91\xcf\x11", "Wave64"),
    (0, b"RIFX", "RIFX"),
    (0, b"NIST_1A", "NIST SPHERE"),
)
"""The position and the bytes by which people recognize files that this service never decodes."""


def identify(file: BinaryIO, formats: Collection[str] = DEFAULT_FORMATS) -> Header:
    """Read the header of a recording, and check that its format is enabled.

    Args:
        file: the file, which may have any content. The function changes the position in the file.
        formats: the names of the enabled formats, keys of `FORMATS`.

    Raises:
        UnsupportedMediaType: the format is unknown or not enabled.
        AudioUndecodable: the header is damaged or out of range, or the file is shorter than it declares.

    Example:
        >>> with Path("examples/utterance.wav").open("rb") as file:
        ...     header = identify(file)
        >>> header.codec, header.sampling_rate, header.n_channels
        ('PCM_16', 16000, 1)
    """
    start = read_at(file, 0, 16)
    name, parse = _PARSERS.get(start[:4], ("", None))
    if parse is None:
        if not start.startswith(b"ID3") and mp3.format_of(start) is None:
            raise _not_accepted(start, formats)
        name, parse = "mp3", mp3.read_mp3
    if name not in formats:
        raise _not_enabled((name,), formats)
    header = parse(file)
    if not set(header.formats) <= set(formats):
        raise _not_enabled(header.formats, formats)
    return header


def has_header(start: bytes) -> bool:
    """Return whether a file begins with the header of a known container.

    Args:
        start: at least the first four bytes of the file.
    """
    return start[:4] in _PARSERS or start.startswith(b"ID3")


def list_formats(formats: Collection[str]) -> str:
    """Return the names of the enabled containers for people, such as `WAV, FLAC or MP3`."""
    containers = {name for name, _ in _PARSERS.values()} | {"mp3"}
    names = [text for name, text in FORMATS.items() if name in formats and name in containers]
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _not_enabled(needed: Collection[str], formats: Collection[str]) -> UnsupportedMediaType:
    """Return the error for a format that the operator has not enabled."""
    text = " with ".join(FORMATS[name] for name in needed)
    return UnsupportedMediaType(
        f"{text} is not enabled on this service. Send {list_formats(formats)}. {CONVERT}"
    )


def _not_accepted(start: bytes, formats: Collection[str]) -> UnsupportedMediaType:
    """Return the error for a file that is not a recording of a known format."""
    for place, magic, name in _OTHERS:
        if start[place:].startswith(magic):
            return UnsupportedMediaType(f"The recording is {name}, which is not accepted. {CONVERT}")
    return UnsupportedMediaType(
        f"This is not a recording of an accepted format. Send {list_formats(formats)}. {CONVERT}"
    )
