"""Scalers of features: fitted to data, without effect, or joined from two."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from app.core.scaler import Scaler


def fit_scaler(chunks: Iterable[NDArray[np.floating]], *, constant_scale: float = 1.0) -> Scaler:
    """Compute the mean and the standard deviation of each feature.

    Args:
        chunks: the rows of the data in chunks, shape (n, n_features) each. Only one chunk at a time needs to
            be in memory.
        constant_scale: the scale of features that are constant in the data, above 0.
    """
    fitted = StandardScaler()
    for chunk in chunks:
        fitted.partial_fit(chunk.astype(np.float64))
    deviation = np.sqrt(fitted.var_)
    # scikit-learn gives another scale than the deviation only to features that are constant.
    return Scaler(fitted.mean_, np.where(fitted.scale_ == deviation, deviation, constant_scale))


def identity_scaler(n_features: int) -> Scaler:
    """Return a scaler that leaves all features as they are."""
    return Scaler(np.zeros(n_features), np.ones(n_features))


def join_scalers(functionals: Scaler, descriptors: Scaler) -> Scaler:
    """Join the scalers of functionals and of descriptors. `Scaler.split` does the opposite."""
    return Scaler(
        np.concatenate([functionals.mean, descriptors.mean]),
        np.concatenate([functionals.scale, descriptors.scale]),
    )
