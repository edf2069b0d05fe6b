from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.scaler import Scaler
from training.data.dataset import Inputs, Sequences
from training.data.folds import Fold
from training.learning import ridge_regression
from training.learning.ridge_regression import Ridge, relative_to_speaker
from training.models import ridge

RANDOM = np.random.default_rng(1)
N = 400
TARGETS = RANDOM.integers(0, 2, N)
SPEAKERS = np.array([f"speaker {n % 7}" for n in range(N)])


def fit(
    values: NDArray[np.float32], spread: float, path: Path, *, relative: bool = False
) -> NDArray[np.float32]:
    """Return the kernel of a regression on values under two conditions, shape (2, N, n_values)."""
    sequences = Sequences(lambda _: np.zeros((1, 1), np.float32), N, Scaler(np.zeros(1), np.ones(1)))
    names = ("clean", "line-1")
    inputs = Inputs(
        dict(zip(names, values, strict=True)), dict.fromkeys(names, sequences), TARGETS, 2, SPEAKERS
    )
    part = np.arange(N)
    fold = Fold(1, "1", part, part[:0], part[:0], speaker_independent=True)
    model = Ridge(ridge.build, ("line-1",), penalty=1e-3, spread=spread, relative=relative)
    kernel: NDArray[np.float32] = model.fit(inputs, fold, 1, path).last_kernel
    return kernel


def two_features() -> NDArray[np.float32]:
    """Return a feature that shows the target under both conditions, and one that shows it under one only."""
    target = 2.0 * TARGETS - 1
    steady = target / 2 + RANDOM.normal(0, 0.25, (2, N))
    fragile = np.stack([target / 2 + RANDOM.normal(0, 0.05, N), RANDOM.normal(0, 0.05, N)])
    return np.stack([steady, fragile], axis=-1).astype(np.float32)


def test_a_feature_that_differs_between_conditions_gets_less_weight(tmp_path: Path) -> None:
    values = two_features()
    _, before = fit(values, 1, tmp_path / "1.keras")[:, 1]
    _, after = fit(values, 4, tmp_path / "4.keras")[:, 1]
    assert before > 0.1
    assert after < before / 3


def test_the_spread_moves_the_values_of_an_utterance_apart(tmp_path: Path) -> None:
    values = two_features() / np.float32(3)  # so that no moved value is clipped
    mean = values.mean(axis=0)
    moved = (mean + 3 * (values - mean)).astype(np.float32)
    spread = np.asarray(fit(values, 3, tmp_path / "spread.keras"))
    expected = np.asarray(fit(moved, 1, tmp_path / "moved.keras"))
    np.testing.assert_allclose(spread, expected, rtol=1e-3)


def test_values_relative_to_the_speaker_keep_only_differences_within_the_speaker() -> None:
    values = RANDOM.normal(size=(6, 2)).astype(np.float32)
    speakers = np.array(["a", "b", "a", "b", "b", "a"])
    relative = relative_to_speaker(values, speakers)
    for speaker in ("a", "b"):
        rows = speakers == speaker
        np.testing.assert_allclose(relative[rows].mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(
            relative[rows] - relative[rows][0], values[rows] - values[rows][0], atol=1e-6
        )


def test_the_solution_does_not_depend_on_the_chunks_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = two_features()
    whole = np.asarray(fit(values, 2, tmp_path / "whole.keras", relative=True))
    monkeypatch.setattr(ridge_regression, "CHUNK", 50)  # about a speaker
    chunked = np.asarray(fit(values, 2, tmp_path / "chunked.keras", relative=True))
    np.testing.assert_allclose(chunked, whole, rtol=1e-4)
