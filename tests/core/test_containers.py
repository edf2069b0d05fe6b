import io
import struct

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from app.core.audio import decode
from app.core.containers import DEFAULT_FORMATS, FORMATS, identify
from app.core.containers.mp3 import format_of
from app.core.errors import AudioError, AudioTooShort, AudioUndecodable, UnsupportedMediaType
from testing.mutations import MUTATIONS, mutate
from testing.recordings import CODECS, NOT_ENABLED, encode, encode_as, speech, tone

COMMAND = "ffmpeg -i in.m4a out.flac"
LINEAR_SUBTYPES = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


def expected(data: bytes) -> NDArray[np.float32]:
    """Return the samples as libsndfile decodes the whole file, shape (n_channels, n_samples)."""
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return np.asarray(samples.T, np.float32)


@pytest.mark.parametrize("kind", CODECS)
def test_each_kind_is_decoded_as_libsndfile_decodes_it(kind: str) -> None:
    samples = tone(0.7, 8_000)
    data = encode_as(kind, samples, 8_000)
    header = identify(io.BytesIO(data), FORMATS)
    assert (header.sampling_rate, header.n_channels) == (8_000, 1)
    signal = decode(data, formats=FORMATS)
    np.testing.assert_allclose(signal.samples, expected(data), rtol=0, atol=2e-6)
    assert np.abs(signal.samples).mean() == pytest.approx(np.abs(samples).mean(), rel=0.1)


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "AIFF", "AU", "CAF"])
@pytest.mark.parametrize("endian", ["FILE", "LITTLE", "BIG"])
def test_every_linear_codec_is_decoded_bit_for_bit(container: str, endian: str) -> None:
    for codec in LINEAR_SUBTYPES:
        file = io.BytesIO()
        if (container, endian) == ("AIFF", "LITTLE") and codec != "PCM_16":
            continue  # a format of libsndfile alone
        try:
            soundfile.write(file, tone(0.3, 8_000, 2), 8_000, codec, endian, format=container)
        except (soundfile.LibsndfileError, ValueError):
            continue  # the container has no such codec, or only one order of bytes
        data = file.getvalue()
        if data[:4] in {b"RIFX", b"dns."}:
            continue  # rare, and not accepted
        np.testing.assert_array_equal(decode(data, formats=FORMATS).samples, expected(data), codec)


@pytest.mark.parametrize("kind", NOT_ENABLED)
def test_a_kind_that_is_not_enabled_never_reaches_libsndfile(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode_as(kind, tone(0.5, 8_000), 8_000)
    name = NOT_ENABLED[kind]
    assert decode(data, formats=(*DEFAULT_FORMATS, name)).duration == pytest.approx(0.5, abs=0.07)

    def fail(*_: object, **__: object) -> None:
        pytest.fail("libsndfile must not open this file")

    monkeypatch.setattr(soundfile.SoundFile, "__init__", fail)
    with pytest.raises(UnsupportedMediaType, match=COMMAND) as refused:
        decode(data)
    assert FORMATS[name] in str(refused.value)


@pytest.mark.parametrize("name", DEFAULT_FORMATS)
def test_a_format_can_be_disabled(name: str) -> None:
    kind = {"ogg": "opus"}.get(name, name)
    others = [other for other in DEFAULT_FORMATS if other != name]
    data = encode_as(kind, tone(0.5))
    assert decode(data, formats=[name]).duration == pytest.approx(0.5)
    with pytest.raises(UnsupportedMediaType, match=f"{FORMATS[name]} is not enabled on this service"):
        decode(data, formats=others)


def wav_of(tag: int, block: int = 2, bits: int = 16) -> bytes:
    """Return a WAV file whose codec has a tag."""
    description = struct.pack("<HHIIHH", tag, 1, 8_000, 16_000, block, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + description + b"data" + struct.pack("<I", 8_000) + bytes(8_000)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x20ftypM4A " + bytes(100), "M4A"),
        (b"#!AMR\n" + bytes(100), "AMR"),
        (bytes.fromhex("3026b2758e66cf11") + bytes(100), "WMA"),
        (bytes.fromhex("1a45dfa3") + bytes(100), "WebM"),
        (bytes.fromhex("fff15080") + bytes(100), "not a recording"),  # AAC in ADTS
        (wav_of(0x83), "G.729"),
        (wav_of(0x45, 1, 4), "G.726"),
        (wav_of(0x161), "WMA"),
        (wav_of(0x1234), "0x1234"),
        (wav_of(1, 0, 64), "PCM of 64 bits"),
        (encode(tone(0.5), subtype="GSM610", container="AIFF"), "GSM"),
        (encode(tone(0.5), subtype="ALAC_16", container="CAF"), "alac"),
        (b"", "not a recording"),
        (b"plain text", "not a recording"),
    ],
)
def test_what_stays_out_is_refused_with_the_command_that_converts_it(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=COMMAND) as refused:
        decode(data, formats=FORMATS)
    assert name in str(refused.value)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


PCM = encode(tone(0.5))
DATA = PCM.index(b"data")


def with_bytes(data: bytes, place: int, content: bytes) -> bytes:
    return data[:place] + content + data[place + len(content) :]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(with_bytes(PCM, 28, b"\xff\0\0\0"), id="wrong byte rate"),
        pytest.param(with_bytes(PCM, 32, b"\0\0"), id="no block size"),
        pytest.param(with_bytes(PCM, 4, b"\0\0\0\0"), id="no size of the file"),
        pytest.param(
            with_bytes(with_bytes(PCM, 4, b"\0\0\0\0"), DATA + 4, bytes(4)), id="never completed header"
        ),
        pytest.param(PCM[:DATA] + chunk(b"LIST", b"odd") + PCM[DATA:], id="omitted padding"),
        pytest.param(PCM[:DATA] + chunk(b"LIST", b"odd") + b"\0" + PCM[DATA:], id="padding"),
        pytest.param(PCM + b"\0" * 1_000, id="zeros at the end"),
    ],
)
def test_the_quirks_of_recorders_change_no_sample(data: bytes) -> None:
    np.testing.assert_array_equal(decode(data).samples, decode(PCM).samples)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(with_bytes(encode(tone(0.5), container="AU"), 8, b"\xff\xff\xff\xff"), id="AU"),
        pytest.param(with_bytes(encode(tone(0.5), container="AU"), 8, b"\xff\xff\xff\xff")[:-1], id="AU odd"),
    ],
)
def test_an_au_of_unknown_length_is_decoded(data: bytes) -> None:
    whole = decode(PCM).samples
    assert np.array_equal(decode(data).samples, whole[:, : decode(data).samples.shape[1]])
    assert decode(data).samples.shape[1] >= 7_999


@pytest.mark.parametrize("kind", ["wav", "rf64", "aiff", "au", "caf"])
def test_a_file_that_is_cut_off_is_refused(kind: str) -> None:
    data = encode_as(kind, tone(1.0))
    with pytest.raises(AudioUndecodable, match="cut off"):
        decode(data[: len(data) // 2], formats=FORMATS)


@pytest.mark.parametrize("kind", CODECS)
def test_a_header_alone_is_refused(kind: str) -> None:
    data = encode_as(kind, tone(1.0, 8_000), 8_000)
    for length in range(4, 120, 4):
        with pytest.raises((AudioUndecodable, AudioTooShort, UnsupportedMediaType)):
            decode(data[:length], formats=FORMATS)


def test_a_chunk_of_a_caf_that_claims_the_largest_size_is_refused() -> None:
    file = io.BytesIO(b"caff\0\1\0\0free" + b"\x7f" + b"\xff" * 7)
    with pytest.raises(AudioUndecodable, match="CAF header is damaged"):
        identify(file, FORMATS)


@pytest.mark.parametrize("magic", [b"RIFF\0\0\0\0WAVE", b"FORM\0\0\0\0AIFF", b"caff\0\1\0\0"])
def test_a_file_of_empty_chunks_is_not_searched_to_its_end(magic: bytes) -> None:
    class Counted(io.BytesIO):
        n_reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.n_reads += 1
            return super().read(size)

    file = Counted(magic + b"abcd\0\0\0\0\0\0\0\0" * 100_000)
    with pytest.raises(AudioUndecodable):
        identify(file, FORMATS)
    assert file.n_reads < 2_500


def variable(samples: NDArray[np.float32]) -> bytes:
    """Encode samples as MP3 of a variable bit rate."""
    return encode(samples, 16_000, "MPEG_LAYER_III", "MP3", bitrate_mode="VARIABLE", compression_level=0.5)


MP3 = variable(tone(1.0))


def first_frame_size(data: bytes) -> int:
    kind = format_of(data)
    assert kind is not None
    return kind.size(int.from_bytes(data[:4], "big"))


def test_an_mp3_of_variable_bit_rate_without_a_description_is_decoded_to_its_end() -> None:
    """libsndfile estimates the length of such a file from its first frame, and stops too early."""
    quiet_first = np.concatenate([np.zeros(16_000, np.float32), speech()])
    data = variable(quiet_first)
    bare = data[first_frame_size(data) :]
    assert decode(bare).duration == pytest.approx(decode(data).duration, abs=0.15)
    whole = soundfile.info(io.BytesIO(bare))
    assert whole.duration != pytest.approx(decode(data).duration, abs=0.5)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"ID3\4\0\0\0\0\x07\x68" + bytes(1_000) + MP3, id="ID3v2"),
        pytest.param(MP3 + b"TAG" + bytes(125), id="ID3v1"),
        pytest.param(MP3 + bytes(100_000), id="zeros at the end"),
        pytest.param(b"ID3\4\0\0\0\0\x07\x68" + bytes(1_000 + 50) + MP3, id="junk after the tag"),
    ],
)
def test_tags_of_an_mp3_change_no_sample(data: bytes) -> None:
    np.testing.assert_array_equal(decode(data).samples, decode(MP3).samples)


def test_an_mp3_without_its_last_frames_is_refused() -> None:
    with pytest.raises(AudioUndecodable, match="cut off"):
        decode(MP3[: len(MP3) // 2])


def test_a_damaged_frame_of_an_mp3_is_skipped_silently(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(MP3)
    damaged[1_000:1_030] = bytes(30)
    assert decode(bytes(damaged)).duration == pytest.approx(1.0, abs=0.1)
    assert capfd.readouterr().err == ""


def test_mutants_of_every_kind_are_decoded_or_refused() -> None:
    """Each kind is enabled. A crash of a decoder would end this process."""
    samples = speech()[4_000:10_000]
    originals = [encode_as(kind, samples) for kind in CODECS]
    random = np.random.default_rng(0)
    n_decoded, n = 0, 480
    for index in range(n):
        chosen = random.integers(len(MUTATIONS), size=int(random.integers(1, 4)))
        mutations = [(MUTATIONS[place], int(random.integers(2**32))) for place in chosen]
        try:
            signal = decode(mutate(originals[index % len(originals)], mutations), formats=FORMATS)
        except AudioError:
            continue
        n_decoded += 1
        assert np.isfinite(signal.samples).all()
    assert n / 10 < n_decoded < n * 9 / 10
