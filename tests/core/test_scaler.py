import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from app.core.scaler import Scaler

RANDOM = np.random.default_rng(1)
FEATURES = RANDOM.normal(5, RANDOM.uniform(1e-6, 1e6, 20), (50, 20)).astype(np.float32)


def fitted() -> Scaler:
    standard = StandardScaler().fit(FEATURES.astype(np.float64))
    return Scaler(standard.mean_, standard.scale_)


def test_scaled_features_have_mean_0_and_deviation_1() -> None:
    scaled = fitted().transform(FEATURES)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)


def test_a_single_utterance_is_scaled_like_many() -> None:
    scaler = fitted()
    np.testing.assert_array_equal(scaler.transform(FEATURES[3]), scaler.transform(FEATURES)[3])


def test_json_preserves_every_bit() -> None:
    scaler = fitted()
    restored = Scaler.from_json(scaler.to_json())
    np.testing.assert_array_equal(restored.mean, scaler.mean)
    np.testing.assert_array_equal(restored.scale, scaler.scale)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"mean": [1]}',
        '{"mean": [1, 2], "scale": [1]}',
        '{"mean": [1], "scale": [0]}',
        '{"mean": [1], "scale": [-1]}',
        '{"mean": [NaN], "scale": [1]}',
        '{"mean": [1], "scale": [Infinity]}',
        '{"mean": ["x"], "scale": [1]}',
        '{"mean": 1, "scale": 1}',
        pytest.param(f'{{"mean": [1{"0" * 400}], "scale": [1]}}', id="too large for a float"),
        pytest.param("[" * 100_000, id="too deep"),
    ],
)
def test_invalid_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Scaler.from_json(text)


def test_a_scaler_can_be_split_into_two() -> None:
    first, rest = fitted().split(7)
    np.testing.assert_array_equal(first.transform(FEATURES[:, :7]), fitted().transform(FEATURES)[:, :7])
    np.testing.assert_array_equal(rest.transform(FEATURES[:, 7:]), fitted().transform(FEATURES)[:, 7:])
