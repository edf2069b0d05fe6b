"""What the networks of a fold answer to features that are not in the dataset."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.core.features import Features
from app.core.scaler import Scaler
from training.dataset import Inputs, standardize_list
from training.ensemble import mean
from training.fit import FoldResult, with_components
from training.network import predict


def answer(
    result: FoldResult, features: Sequence[Features], scaler: Scaler | None = None
) -> NDArray[np.float64]:
    """Let the networks of a fold answer.

    Args:
        result: of the fold; its model is no baseline.
        features: of n utterances or segments, n > 0.
        scaler: in place of the fold's own.

    Returns:
        Probabilities as `FoldResult.test_probabilities` has them, shape (n, n_labels).
    """
    inputs = inputs_of(result, features, scaler)
    indices = np.arange(len(features))
    answers = [predict(_network(result.folder / file), inputs, indices) for file in result.members]
    return mean(answers, list(result.members.values()))


def inputs_of(result: FoldResult, features: Sequence[Features], scaler: Scaler | None = None) -> Inputs:
    """The inputs of a fold's networks, for features that are not in the dataset.

    Args:
        result: of the fold.
        features: of n utterances or segments, n > 0.
        scaler: in place of the fold's own.
    """
    inputs = standardize_list(features, scaler or result.scaler)
    return inputs if result.components is None else with_components(inputs, result.components)


@lru_cache(maxsize=8)
def _network(path: Path) -> keras.Model:
    """A network of a fold; few are used in turns."""
    return keras.models.load_model(path, compile=False)
