import numpy as np

from training.data.scaling import fit_scaler, identity_scaler, join_scalers

ROWS = np.random.default_rng(1).normal(3, 2, (10, 4)).astype(np.float32)


def test_chunks_give_the_mean_and_the_deviation_of_all_rows() -> None:
    scaler = fit_scaler([ROWS[:3], ROWS[3:]])
    np.testing.assert_allclose(scaler.mean, ROWS.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scaler.scale, ROWS.std(axis=0), rtol=1e-6)


def test_a_constant_feature_has_the_given_scale() -> None:
    rows = np.column_stack([ROWS[:, 0], np.full(10, 0.1)])
    assert fit_scaler([rows]).scale[1] == 1
    assert fit_scaler([rows], constant_scale=0.5).scale[1] == 0.5
    assert fit_scaler([rows], constant_scale=0.5).scale[0] == fit_scaler([rows]).scale[0]


def test_a_joined_scaler_splits_into_its_parts() -> None:
    functionals, descriptors = join_scalers(fit_scaler([ROWS]), identity_scaler(2)).split(4)
    np.testing.assert_array_equal(functionals.transform(ROWS), fit_scaler([ROWS]).transform(ROWS))
    np.testing.assert_array_equal(descriptors.transform(ROWS[:, :2]), ROWS[:, :2])
