"""A support vector machine with a linear kernel."""

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from training.learning.classifier import Classifier, Setting


def make(setting: Setting) -> SVC:
    """Return the unfitted classifier."""
    return SVC(kernel=kernel, class_weight="balanced", **setting)


def kernel(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inner products divided by the number of features, so that one C suits every feature set.

    scikit-learn calls the function once for each fit, with all pairs. The matrix product takes a second; the
    linear kernel of libsvm takes minutes.
    """
    products: NDArray[np.float64] = left @ right.T / left.shape[1]
    return products


MODEL = Classifier(make, settings=[{"C": C} for C in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)])
