import numpy as np
import opensmile
import pytest

from app.core.audio import Signal, decode
from app.core.binding import OpenSMILE, OpenSmileException
from app.core.errors import AudioUndecodable
from app.core.features import FEATURE_SETS, FeatureConfig, FeatureExtractor, FeatureSet, FeatureValues
from testing.recordings import EXAMPLE, speech, tone

N_FEATURES = {"eGeMAPSv02": 88, "ComParE_2016": 6373, "emobase": 988}


def mono(samples: np.ndarray[tuple[int], np.dtype[np.float32]], sampling_rate: int = 16_000) -> Signal:
    return Signal(samples[np.newaxis], sampling_rate)


def assert_equal(first: FeatureValues, second: FeatureValues) -> None:
    np.testing.assert_array_equal(first.functionals, second.functionals)
    np.testing.assert_array_equal(first.descriptors, second.descriptors)


@pytest.fixture(params=FEATURE_SETS, scope="module")
def extractor(request: pytest.FixtureRequest) -> FeatureExtractor:
    return FeatureExtractor(FeatureConfig(request.param))


def test_features_equal_those_of_opensmile(extractor: FeatureExtractor) -> None:
    name = extractor.config.feature_set
    for level, names in (
        (opensmile.FeatureLevel.Functionals, extractor.functional_names),
        (opensmile.FeatureLevel.LowLevelDescriptors, extractor.descriptor_names),
    ):
        smile = opensmile.Smile(opensmile.FeatureSet[name], level)
        reference = smile.process_signal(speech(), 16_000)
        features = extractor.extract(mono(speech()))
        measured = features.functionals[np.newaxis] if "func" in level.value else features.descriptors
        assert measured.dtype == np.float32
        assert names == tuple(reference.columns)
        np.testing.assert_array_equal(measured, reference.to_numpy())
    assert len(extractor.functional_names) == N_FEATURES[name]


def test_a_reused_instance_gives_the_same_features(extractor: FeatureExtractor) -> None:
    fresh = FeatureExtractor(extractor.config)
    with pytest.raises(AudioUndecodable):
        extractor.extract(mono(tone()[:100]))
    extractor.extract(mono(tone(2)))
    assert_equal(extractor.extract(mono(speech())), fresh.extract(mono(speech())))


def test_descriptors_can_be_left_out(extractor: FeatureExtractor) -> None:
    without = FeatureExtractor(extractor.config, with_descriptors=False)
    assert without.names_sha256 == extractor.names_sha256
    for signal in (mono(speech()), mono(tone(2))):
        functionals, descriptors = without.extract(signal)
        np.testing.assert_array_equal(functionals, extractor.extract(signal).functionals)
        assert descriptors.shape == (0, len(extractor.descriptor_names))


def test_a_prepared_instance_gives_the_same_features(extractor: FeatureExtractor) -> None:
    expected = extractor.extract(mono(speech()))
    extractor.prepare()
    extractor.prepare()
    assert_equal(extractor.extract(mono(speech())), expected)


def test_a_failed_instance_is_not_reused(
    extractor: FeatureExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = extractor.extract(mono(speech()))

    def fail(_instance: OpenSMILE) -> None:
        raise OpenSmileException(6, "at random")

    with monkeypatch.context() as patch:
        patch.setattr(OpenSMILE, "run", fail)
        with pytest.raises(OpenSmileException):
            extractor.extract(mono(tone(2)))
    assert_equal(extractor.extract(mono(speech())), expected)


def test_full_scale_samples_do_not_overflow(extractor: FeatureExtractor) -> None:
    # openSMILE casts 1.0 * 32768 to int16, which gives -32768. An unclipped peak would become a click.
    loud = tone()
    loud /= np.abs(loud).max()
    clipped = np.clip(loud, -1, 32767 / 32768)
    assert loud.max() == 1.0
    assert_equal(extractor.extract(mono(loud)), extractor.extract(mono(clipped)))
    assert_equal(extractor.extract(mono(loud * 3)), extractor.extract(mono(np.clip(loud * 3, -1, 1))))


def test_two_channels_are_refused(extractor: FeatureExtractor) -> None:
    with pytest.raises(ValueError, match="one channel"):
        extractor.extract(Signal(np.stack([tone(), tone()]), 16_000))


@pytest.mark.parametrize("n_samples", [1, 100, 300])
def test_too_few_samples_raise_an_error_instead_of_nan(extractor: FeatureExtractor, n_samples: int) -> None:
    with pytest.raises(AudioUndecodable, match="too short"):
        extractor.extract(mono(tone()[:n_samples]))


def test_a_quarter_of_a_second_is_enough(extractor: FeatureExtractor) -> None:
    features = extractor.extract(mono(speech()[8_000:12_000]))
    assert np.isfinite(features.functionals).all()
    assert np.isfinite(features.descriptors).all()


def test_a_signal_of_another_sampling_rate_is_resampled() -> None:
    extractor = FeatureExtractor(FeatureConfig("eGeMAPSv02"))
    pitch = extractor.functional_names.index("F0semitoneFrom27.5Hz_sma3nz_percentile50.0")
    low = extractor.extract(mono(tone(2, 16_000))).functionals
    high = extractor.extract(mono(tone(2, 48_000), 48_000)).functionals
    # 140 Hz is 28.2 semitones above 27.5 Hz. Without resampling, the 48 kHz signal would be 19 lower.
    assert high[pitch] == pytest.approx(12 * np.log2(140 / 27.5), abs=0.1)
    assert high[pitch] == pytest.approx(low[pitch], abs=0.1)


def test_repeated_extraction_gives_identical_bits(extractor: FeatureExtractor) -> None:
    signal = decode(EXAMPLE.read_bytes())
    assert_equal(extractor.extract(signal), extractor.extract(signal))


def test_the_hash_of_the_names_distinguishes_the_feature_sets() -> None:
    sets: tuple[FeatureSet, ...] = ("eGeMAPSv02", "emobase")
    hashes = {FeatureExtractor(FeatureConfig(name)).names_sha256 for name in sets}
    assert len(hashes) == len(sets)
