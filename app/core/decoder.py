"""Decoding of a part of a recording, by the header that `app.core.containers` has read.

libsndfile decodes. It receives the samples alone (RAW), a header that this module wrote, or a FLAC or Ogg
file whose first header our parser has accepted. So it never parses a WAV, AIFF, AU or CAF header of a caller.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from app.core.containers.au import au_header
from app.core.containers.header import LINEAR, Blocks, Header, read_at
from app.core.containers.mp3 import DECODER_DELAY, description_frame, format_of, frames_from
from app.core.containers.riff import riff_header
from app.core.errors import AudioUndecodable

Samples = NDArray[np.float32]

SAMPLES_UNKNOWN = 2**62
"""A limit on plausible lengths. libsndfile reports about 2**63 samples if a FLAC header lacks the length."""
RUN_IN = 1.0
"""Seconds that a decoder with state receives before the part, so that its state settles. The samples then
equal those of an uninterrupted decoding, up to rounding (`benchmarks/RESULTS.md`, "Codecs")."""


def read(file: BinaryIO, header: Header, start: int, stop: int) -> Samples:
    """Decode a part of a recording.

    Args:
        file: the file, open for reading in binary mode.
        header: the header of the file, from `identify`.
        start: the first sample of the part.
        stop: the first sample after the part; more than the recording has is permitted.

    Returns:
        The samples, float32, shape (n_samples, n_channels); fewer than requested at the end.

    Raises:
        AudioUndecodable: the samples cannot be decoded.
    """
    try:
        if header.codec in LINEAR:
            return _read_linear(file, header, start, stop)
        if header.blocks is not None:
            return _read_blocks(file, header, header.blocks, start, stop)
        if header.codec == "MPEG_LAYER_III":
            return _read_mp3(file, header, start, stop)
        return _read_stream(file, header, start, stop)
    except soundfile.LibsndfileError as error:
        raise AudioUndecodable(
            f"The recording cannot be decoded: {error.error_string} Export it again and resend."
        ) from error


def count_samples(file: BinaryIO, header: Header) -> int | None:
    """Return the number of samples in each channel, which an Ogg file declares at its end; None: unknown.

    Raises:
        AudioUndecodable: the file is damaged.
    """
    if header.n_samples is not None or header.codec == "FLAC":
        return header.n_samples
    try:
        with _open(file, header) as sound:
            return int(sound.frames) if sound.frames < SAMPLES_UNKNOWN else None
    except soundfile.LibsndfileError as error:
        raise AudioUndecodable(
            f"The recording cannot be decoded: {error.error_string} Export it again and resend."
        ) from error


def _read_linear(file: BinaryIO, header: Header, start: int, stop: int) -> Samples:
    """Decode samples that have their own bytes."""
    first = min(start * header.frame_size, header.size)
    size = (min(stop * header.frame_size, header.size) - first) // header.frame_size * header.frame_size
    data = read_at(file, header.start + first, size)
    return _decode(
        data[: len(data) // header.frame_size * header.frame_size],
        header.n_channels,
        samplerate=header.sampling_rate,
        channels=header.n_channels,
        format="RAW",
        subtype=header.codec,
        endian=header.endian,
    )


def _read_blocks(file: BinaryIO, header: Header, blocks: Blocks, start: int, stop: int) -> Samples:
    """Decode blocks behind a header of our own."""
    run_in = -(-int(RUN_IN * header.sampling_rate) // blocks.n_samples)
    first = max(start // blocks.n_samples - run_in, 0)
    end = min(-(-stop // blocks.n_samples), header.size // blocks.n_bytes)
    data = read_at(file, header.start + first * blocks.n_bytes, max(end - first, 0) * blocks.n_bytes)
    data = data[: len(data) // blocks.n_bytes * blocks.n_bytes]
    if "g72x" in header.formats:
        head = au_header(header.codec, header.sampling_rate, len(data))
    else:
        head = riff_header(
            header.codec, header.sampling_rate, header.n_channels, size=len(data), blocks=blocks
        )
    samples = _decode(head + data if data else b"", header.n_channels)
    before = first * blocks.n_samples
    return samples[start - before : stop - before]


def _read_mp3(file: BinaryIO, header: Header, start: int, stop: int) -> Samples:
    """Decode frames behind a frame of our own that declares their number."""
    kind = format_of(read_at(file, header.start, 4))
    if kind is None:
        return np.zeros((0, header.n_channels), np.float32)
    start, stop = start + header.skip, min(stop, header.n_samples or 0) + header.skip
    first = max(int(start - RUN_IN * header.sampling_rate) // kind.n_samples, 0)
    end = max(-(-(stop + DECODER_DELAY) // kind.n_samples), first)
    places = frames_from(file, header.start, header.start + header.size, kind)
    wanted = list(islice(places, first, end))
    data = b"".join(read_at(file, *place) for place in wanted)
    with _no_messages():
        samples = _decode(description_frame(kind, len(wanted)) + data if data else b"", header.n_channels)
    before = first * kind.n_samples
    return samples[start - before : stop - before]


def _read_stream(file: BinaryIO, header: Header, start: int, stop: int) -> Samples:
    """Decode a part of a FLAC or Ogg file."""
    with _open(file, header) as sound:
        # A FLAC file that was written to a pipe lacks its length, so the read itself is bounded.
        stop = min(stop, sound.frames)
        if start:
            sound.seek(min(start, stop))
        return cast("Samples", sound.read(max(stop - start, 0), dtype="float32", always_2d=True))


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is untyped
    """A sound file that is read once, from a position to another."""

    def seekable(self) -> bool:
        """Return False, since soundfile's seek after each read fails on a FLAC of unknown length."""
        return False


@contextmanager
def _source_of(file: BinaryIO) -> Iterator[BinaryIO | int]:
    """Provide what libsndfile reads: the bytes, or a descriptor, which saves the calls from C to Python.

    The descriptor is a new one, because `file` remembers where it has left its own.
    """
    if isinstance(file, io.BytesIO):
        file.seek(0)
        yield file
        return
    descriptor = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _open(file: BinaryIO, header: Header) -> Iterator[_Stream]:
    """Open a FLAC or Ogg file, and check that libsndfile sees what our parser saw."""
    with _source_of(file) as source, _Stream(source, closefd=False) as sound:
        codec = "FLAC" if sound.format == "FLAC" else sound.subtype
        expected = (header.codec, header.sampling_rate, header.n_channels)
        if (codec, sound.samplerate, sound.channels) != expected:
            raise AudioUndecodable("The recording contradicts its header. Export it again and resend.")
        yield sound


def _decode(data: bytes, n_channels: int, **settings: Any) -> Samples:  # noqa: ANN401  # of soundfile
    """Decode a whole file in memory; nothing from no bytes."""
    if not data:
        return np.zeros((0, n_channels), np.float32)
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True, **settings)
    return cast("Samples", samples)


@contextmanager
def _no_messages() -> Iterator[None]:
    """Discard what libmpg123 writes to stderr about each damaged frame, which could fill a log.

    A pipe without a reader takes the place of stderr, because a sandboxed worker may not open /dev/null.
    """
    reader, nowhere = os.pipe()
    os.close(reader)
    kept = os.dup(2)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
