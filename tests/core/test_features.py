import numpy as np
import opensmile
import pytest

from app.core.audio import Signal, decode
from app.core.errors import AudioUndecodable
from app.core.features import FEATURE_SETS, FeatureConfig, FeatureExtractor, FeatureSet
from tests.recordings import EXAMPLE, speech, tone

N_FEATURES = {"eGeMAPSv02": 88, "ComParE_2016": 6373, "emobase": 988}


def mono(samples: np.ndarray[tuple[int], np.dtype[np.float32]], sampling_rate: int = 16_000) -> Signal:
    return Signal(samples[np.newaxis], sampling_rate)


@pytest.fixture(params=FEATURE_SETS, scope="module")
def extractor(request: pytest.FixtureRequest) -> FeatureExtractor:
    return FeatureExtractor(FeatureConfig(request.param))


def test_features_are_those_of_opensmile(extractor: FeatureExtractor) -> None:
    name = extractor.config.feature_set
    smile = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
    reference = smile.process_signal(speech(), 16_000)
    features = extractor.extract(mono(speech()))
    assert features.dtype == np.float32
    assert features.shape == (N_FEATURES[name],)
    assert extractor.names == tuple(reference.columns)
    np.testing.assert_array_equal(features, reference.to_numpy()[0])


def test_full_scale_does_not_wrap(extractor: FeatureExtractor) -> None:
    # 1.0 * 32768 as int16 is -32768: an unclipped peak would turn into a click.
    loud = tone()
    loud /= np.abs(loud).max()
    almost = np.clip(loud, -1, 32767 / 32768)
    assert loud.max() == 1.0
    np.testing.assert_array_equal(extractor.extract(mono(loud)), extractor.extract(mono(almost)))
    np.testing.assert_array_equal(
        extractor.extract(mono(loud * 3)), extractor.extract(mono(np.clip(loud * 3, -1, 1)))
    )


def test_two_channels_are_refused(extractor: FeatureExtractor) -> None:
    with pytest.raises(ValueError, match="one channel"):
        extractor.extract(Signal(np.stack([tone(), tone()]), 16_000))


@pytest.mark.parametrize("n_samples", [1, 100, 300])
def test_too_few_samples_are_an_error_not_a_nan(extractor: FeatureExtractor, n_samples: int) -> None:
    with pytest.raises(AudioUndecodable, match="no finite value") as refused:
        extractor.extract(mono(tone()[:n_samples]))
    assert "too short" in str(refused.value)


def test_a_quarter_of_a_second_is_enough(extractor: FeatureExtractor) -> None:
    assert np.isfinite(extractor.extract(mono(speech()[8_000:12_000]))).all()


def test_the_sampling_rate_is_made_right() -> None:
    extractor = FeatureExtractor(FeatureConfig("eGeMAPSv02"))
    pitch = extractor.names.index("F0semitoneFrom27.5Hz_sma3nz_percentile50.0")
    low, high = extractor.extract(mono(tone(2, 16_000))), extractor.extract(mono(tone(2, 48_000), 48_000))
    # 140 Hz is 28.2 semitones above 27.5 Hz; taken for 16 kHz, the 48 kHz signal would be 19 lower.
    assert high[pitch] == pytest.approx(12 * np.log2(140 / 27.5), abs=0.1)
    assert high[pitch] == pytest.approx(low[pitch], abs=0.1)


def test_extraction_repeats_bit_for_bit(extractor: FeatureExtractor) -> None:
    signal = decode(EXAMPLE.read_bytes())
    np.testing.assert_array_equal(extractor.extract(signal), extractor.extract(signal))


def test_names_tell_the_sets_apart() -> None:
    sets: tuple[FeatureSet, ...] = ("eGeMAPSv02", "emobase")
    hashes = {FeatureExtractor(FeatureConfig(name)).names_sha256 for name in sets}
    assert len(hashes) == len(sets)
