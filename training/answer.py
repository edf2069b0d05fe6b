"""What the networks of a fold answer to features that are not in the dataset."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.core.features import Features
from app.core.recognizer import apply_temperature
from app.core.scaler import Scaler
from training.dataset import Inputs
from training.ensemble import mean
from training.fit import FoldResult
from training.network import predict


def answer(
    result: FoldResult, heard: Sequence[Features], scaler: Scaler | None = None
) -> NDArray[np.float64]:
    """Let the networks of a fold answer.

    Args:
        result: of the fold; its model is no baseline.
        heard: features of n utterances or segments, n > 0.
        scaler: in place of the fold's own.

    Returns:
        Probabilities as `FoldResult.test_probabilities` has them, shape (n, n_labels).
    """
    functionals, descriptors = (scaler or result.scaler).split(heard[0].functionals.size)
    inputs = Inputs(
        {"clean": functionals.transform(np.stack([one.functionals for one in heard]))},
        {"clean": [descriptors.transform(one.descriptors) for one in heard]},
        targets=np.zeros(len(heard), np.int64),
        n_labels=0,
    )
    answers = [
        apply_temperature(predict(_network(result.folder / file), inputs, np.arange(len(heard))), temperature)
        for file, temperature in result.members.items()
    ]
    return mean(answers)


@lru_cache(maxsize=8)
def _network(path: Path) -> keras.Model:
    """A network of a fold; few are used in turns."""
    return keras.models.load_model(path, compile=False)
