import struct

import numpy as np
import pytest
import soundfile

from app.core.audio import Channel, Signal, decode, resample, select_channel
from app.core.errors import (
    AudioError,
    AudioTooLong,
    AudioTooShort,
    AudioUndecodable,
    ChannelNotFound,
    UnsupportedMediaType,
)
from testing.recordings import encode, tone


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [
        ("PCM_U8", 2e-2),
        ("PCM_16", 1e-4),
        ("PCM_24", 1e-6),
        ("PCM_32", 1e-7),
        ("FLOAT", 0),
        ("DOUBLE", 0),
        ("ALAW", 3e-2),
        ("ULAW", 3e-2),
    ],
)
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_every_supported_wav_is_decoded(subtype: str, container: str, tolerance: float) -> None:
    samples = tone(0.5, 8_000, channels=2)
    signal = decode(encode(samples, 8_000, subtype, container))
    assert signal.sampling_rate == 8_000
    assert signal.samples.dtype == np.float32
    np.testing.assert_allclose(signal.samples, samples.T, atol=tolerance)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_flac_is_decoded(subtype: str) -> None:
    samples = tone(0.5, 44_100)
    signal = decode(encode(samples, 44_100, subtype, "FLAC"))
    assert (signal.n_channels, signal.sampling_rate, signal.duration) == (1, 44_100, 0.5)
    np.testing.assert_allclose(signal.samples[0], samples, atol=1e-2)


@pytest.mark.parametrize("sampling_rate", [8_000, 11_025, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_all_accepted_rates_and_numbers_of_channels_are_decoded(sampling_rate: int, channels: int) -> None:
    signal = decode(encode(tone(0.3, sampling_rate, channels), sampling_rate))
    assert (signal.sampling_rate, signal.n_channels) == (sampling_rate, channels)


PCM = encode(tone(1.0))


def with_data_size(size: int) -> bytes:
    """Return PCM with a different length in the header of its data chunk."""
    offset = PCM.index(b"data") + 4
    return PCM[:offset] + struct.pack("<I", size) + PCM[offset + 4 :]


TAGS = b"LIST" + struct.pack("<I", 4008) + b"INFOICMT" + struct.pack("<I", 3996) + b"x" * 3996


def with_tags(data: bytes) -> bytes:
    """Return a WAV file with a long comment before its data chunk."""
    offset = data.index(b"data")
    return data[:offset] + TAGS + data[offset:]


def test_tags_do_not_change_the_samples() -> None:
    np.testing.assert_array_equal(decode(with_tags(PCM)).samples, decode(PCM).samples)
    np.testing.assert_array_equal(decode(PCM + TAGS).samples, decode(PCM).samples)
    np.testing.assert_array_equal(decode(PCM + b"odd").samples, decode(PCM).samples)


def test_a_missing_pad_byte_is_accepted() -> None:
    odd = encode(tone(0.5)[:4001], subtype="PCM_U8")
    assert decode(odd).samples.shape == decode(odd.removesuffix(b"\0")).samples.shape == (1, 4001)


def without_length(flac: bytes) -> bytes:
    """Return a FLAC file whose encoder did not know its length."""
    # STREAMINFO: the low 36 bits of bytes 18 to 25 are the number of samples; 0 means unknown.
    fields = int.from_bytes(flac[18:26], "big") >> 36 << 36
    return flac[:18] + fields.to_bytes(8, "big") + flac[26:]


def test_a_flac_of_unknown_length_is_decoded_up_to_the_limit() -> None:
    whole = encode(tone(1.0), container="FLAC")
    piped = without_length(whole)
    np.testing.assert_array_equal(decode(piped).samples, decode(whole).samples)
    with pytest.raises(AudioTooLong):
        decode(piped, max_seconds=0.5)


def test_a_flac_without_its_last_frames_is_refused() -> None:
    whole = encode(tone(1.0), container="FLAC")
    fields = int.from_bytes(whole[18:26], "big") + 100
    with pytest.raises(AudioUndecodable, match="cut off"):
        decode(whole[:18] + fields.to_bytes(8, "big") + whole[26:])


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000])
def test_a_placeholder_for_the_length_is_accepted(size: int) -> None:
    np.testing.assert_array_equal(decode(with_data_size(size)).samples, decode(PCM).samples)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", UnsupportedMediaType, id="nothing"),
        pytest.param(b"this is text, named .wav" * 100, UnsupportedMediaType, id="text"),
        pytest.param(b"ID3\x04" + bytes(4000), AudioUndecodable, id="ID3 and nothing"),
        pytest.param(b"RIFF" + bytes(200), AudioUndecodable, id="RIFF and nothing"),
        pytest.param(PCM[:20], AudioUndecodable, id="cut in its header"),
        pytest.param(PCM[: len(PCM) // 2], AudioUndecodable, id="cut in its data"),
        pytest.param(with_tags(PCM)[:9000], AudioUndecodable, id="cut behind its tags"),
        pytest.param(encode(tone(), container="RF64")[:9000], AudioUndecodable, id="RF64 cut"),
        pytest.param(encode(tone(), container="WAVEX")[:9000], AudioUndecodable, id="WAVEX cut"),
        pytest.param(encode(tone(), container="FLAC")[:2000], AudioUndecodable, id="FLAC cut"),
        pytest.param(encode(tone(0.0)), AudioTooShort, id="no samples"),
        pytest.param(encode(tone(0.05)), AudioTooShort, id="50 ms"),
        pytest.param(encode(tone(2.5)), AudioTooLong, id="too long"),
        pytest.param(encode(tone(channels=9)), AudioUndecodable, id="9 channels"),
        pytest.param(encode(tone(1, 4_000), 4_000), AudioUndecodable, id="4 kHz"),
        pytest.param(encode(tone(1, 96_000), 96_000), AudioUndecodable, id="96 kHz"),
        pytest.param(encode(tone(), subtype="IMA_ADPCM"), UnsupportedMediaType, id="ADPCM"),
        pytest.param(encode(tone(), subtype="GSM610"), UnsupportedMediaType, id="GSM"),
        pytest.param(encode(np.full_like(tone(), np.nan), subtype="FLOAT"), AudioUndecodable, id="NaN"),
        pytest.param(encode(np.full_like(tone(), np.inf), subtype="FLOAT"), AudioUndecodable, id="infinity"),
    ],
)
def test_bad_input_is_refused_with_a_reason(data: bytes, error: type[AudioError]) -> None:
    with pytest.raises(AudioError, match=r"\w.*\.") as refused:
        decode(data, min_seconds=0.25, max_seconds=2.0)
    assert type(refused.value) is error


def test_a_decompression_bomb_is_not_decoded_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requested = []
    original = soundfile.SoundFile.read

    def read_and_record(file: soundfile.SoundFile, frames: int, **settings: object) -> object:
        requested.append(frames)
        return original(file, frames, **settings)

    monkeypatch.setattr(soundfile.SoundFile, "read", read_and_record)
    bomb = encode(np.zeros(16_000 * 600, np.float32), container="FLAC")
    with pytest.raises(AudioTooLong):
        decode(bomb, max_seconds=60)
    assert requested == []
    with pytest.raises(AudioTooLong):
        decode(without_length(bomb), max_seconds=60)
    assert requested == [16_000 * 60 + 1]


@pytest.mark.parametrize(("container", "codec"), [("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS")])
def test_a_lossy_bomb_is_not_decoded_beyond_the_limit(container: str, codec: str) -> None:
    bomb = encode(np.zeros(8_000 * 120, np.float32), 8_000, codec, container)
    assert len(bomb) < 200_000
    with pytest.raises(AudioTooLong):
        decode(bomb, max_seconds=60)


STEREO = Signal(np.array([[0.5, 0.5], [0.0, -0.5]], np.float32), 8_000)


@pytest.mark.parametrize(("channel", "samples"), [(0, [0.5, 0.5]), (1, [0.0, -0.5]), ("mix", [0.25, 0.0])])
def test_select_channel_returns_a_channel_or_the_mix(channel: Channel, samples: list[float]) -> None:
    np.testing.assert_array_equal(select_channel(STEREO, channel).samples, [samples])


@pytest.mark.parametrize("channel", [2, -1])
def test_a_missing_channel_is_refused(channel: int) -> None:
    with pytest.raises(ChannelNotFound, match="it has 2"):
        select_channel(STEREO, channel)


def test_resampling_keeps_the_sound_and_the_duration() -> None:
    low, high = resample(Signal(tone(1, 48_000)[np.newaxis], 48_000), 16_000), tone(1, 16_000)
    assert low.sampling_rate == 16_000
    assert low.samples.dtype == np.float32
    np.testing.assert_allclose(low.samples[0, 200:-200], high[200:-200], atol=1e-3)


def test_a_signal_that_has_the_rate_is_not_resampled() -> None:
    assert resample(STEREO, 8_000) is STEREO
