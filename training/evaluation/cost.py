"""Measurement of the processor time that one utterance costs. The values differ from run to run."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.audio import decode, select_channel
from app.core.features import FeatureConfig, FeatureValues
from app.core.scaler import Scaler
from training.data.corpora import Utterance
from training.data.dataset import Inputs, standardize_list
from training.data.features import make_extractor
from training.data.folds import Indices

N_MEASURED = 20
"""The maximum number of utterances that are measured, one at a time. Not tuned."""


def prediction_cost(
    predict: Callable[[Inputs, Indices, str], object], features: Sequence[FeatureValues], scaler: Scaler
) -> float:
    """Measure the answers of a model.

    Args:
        predict: the function `Trained.predict` of the model.
        features: the features of some utterances, n > 0.
        scaler: the scaler of the model's inputs.

    Returns:
        The processor time for one utterance in milliseconds, all threads together.
    """
    inputs = standardize_list(features, scaler)
    places = np.arange(len(features))
    predict(inputs, places[:1], "clean")  # the first answer prepares the model
    return _milliseconds(lambda place: predict(inputs, places[place : place + 1], "clean"), len(features))


def extraction_cost(utterances: Sequence[Utterance], config: FeatureConfig) -> float:
    """Measure the extraction of features in one thread, without decoding.

    Args:
        utterances: some utterances, n > 0.
        config: the features to extract.

    Returns:
        The processor time for one utterance in milliseconds.

    Raises:
        AudioError: a recording cannot be analyzed.
    """
    extractor = make_extractor(config)
    signals = [select_channel(decode(utterance.path.read_bytes()), "mix") for utterance in utterances]
    extractor.extract(signals[0])
    return _milliseconds(lambda place: extractor.extract(signals[place]), len(signals))


def measured(n: int) -> NDArray[np.intp]:
    """Return the places of at most 20 of n utterances, at equal distances; n > 0."""
    return np.unique(np.linspace(0, n - 1, N_MEASURED).astype(np.intp))


def _milliseconds(work: Callable[[int], object], n: int) -> float:
    """Return the mean processor time of the work for each of n utterances, in milliseconds."""
    started = time.process_time()
    for place in range(n):
        work(place)
    return 1000 * (time.process_time() - started) / n
