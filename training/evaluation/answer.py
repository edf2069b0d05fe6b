"""Predictions of the networks of a fold for features that are not in the dataset."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.core.features import FeatureValues
from app.core.scaler import Scaler
from training.data.dataset import standardize_list
from training.evaluation.fold import FoldResult
from training.learning.ensemble import mean
from training.learning.trained_network import predict


def answer(
    result: FoldResult, features: Sequence[FeatureValues], scaler: Scaler | None = None
) -> NDArray[np.float64]:
    """Compute the probabilities of the networks of a fold.

    Args:
        result: the result of the fold, whose model is not a baseline.
        features: the features of n utterances or segments, n > 0.
        scaler: the scaler of the features; None uses the scaler of the fold.

    Returns:
        The probabilities, not calibrated, as in `FoldResult.test_probabilities`, shape (n, n_labels).
    """
    inputs = standardize_list(features, scaler or result.scaler)
    indices = np.arange(len(features))
    answers = [predict(_network(result.folder / file), inputs, indices) for file in result.members]
    return mean(answers, list(result.members.values()))


@lru_cache(maxsize=8)
def _network(path: Path) -> keras.Model:
    """Load a network of a fold. The cache holds the networks in use."""
    return keras.models.load_model(path, compile=False)
