import numpy as np
import pytest

from app.core.audio import Signal, decode
from app.core.errors import AudioTooShort
from app.core.log_mel import N_MELS, log_mel_spectrogram
from testing.recordings import EXAMPLE, tone

# Whisper's definition with the STFT and the mel filters of librosa 0.11.0 (n_fft=400, hop_length=160,
# n_mels=80): every 40th frame and every 20th band of the example.
REFERENCE = np.array(
    [
        [0.544431, 0.958611, 0.323534, 0.426878],
        [-0.126014, -0.071920, -0.059757, 0.228493],
        [0.622565, -0.146863, 0.101760, 0.008649],
        [0.264464, 0.436369, 0.257849, 0.489326],
        [0.308260, 0.107403, 0.626243, 0.263043],
        [0.257003, 0.822805, 0.421203, 0.383257],
        [-0.074778, 0.608830, -0.640929, 0.025535],
        [0.392741, 0.929349, 0.410138, 0.483858],
    ]
)


def mono(samples: np.ndarray[tuple[int], np.dtype[np.float32]], sampling_rate: int = 16_000) -> Signal:
    return Signal(samples[np.newaxis], sampling_rate)


def test_the_spectrogram_has_a_frame_every_10_ms() -> None:
    spectrogram = log_mel_spectrogram(mono(tone(1)))
    assert spectrogram.shape == (100, N_MELS)
    assert spectrogram.dtype == np.float32


def test_a_tone_has_its_maximum_in_the_expected_band() -> None:
    # Slaney's scale is linear up to 1 kHz: 80 bands to 45.2 mel, 1 kHz at 15 mel.
    time = np.arange(16_000) / 16_000
    for hertz, band in ((500, 12.4), (1_000, 25.9)):
        spectrogram = log_mel_spectrogram(mono(np.sin(2 * np.pi * hertz * time).astype(np.float32)))
        assert abs(float(spectrogram[50].argmax()) - band) <= 1


def test_the_dynamic_range_is_eight_decades() -> None:
    quiet_then_loud = np.concatenate([np.zeros(8_000, np.float32), tone(0.5)])
    spectrogram = log_mel_spectrogram(mono(quiet_then_loud))
    assert spectrogram.max() - spectrogram.min() == pytest.approx(2.0, abs=1e-6)
    assert np.isfinite(log_mel_spectrogram(mono(np.zeros(8_000, np.float32)))).all()


def test_a_signal_that_is_too_short_is_refused() -> None:
    with pytest.raises(AudioTooShort, match=r"at least 0\.1 s"):
        log_mel_spectrogram(mono(tone(1)[:1_599]))
    assert len(log_mel_spectrogram(mono(tone(1)[:1_600]))) == 10


def test_another_sampling_rate_or_a_second_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="16000 Hz"):
        log_mel_spectrogram(mono(tone(1), 8_000))
    with pytest.raises(ValueError, match="one channel"):
        log_mel_spectrogram(Signal(np.stack([tone(1), tone(1)]), 16_000))


def test_the_values_equal_those_of_whisper() -> None:
    signal = decode(EXAMPLE.read_bytes())
    np.testing.assert_allclose(log_mel_spectrogram(signal)[::40, ::20], REFERENCE, atol=1e-4)
