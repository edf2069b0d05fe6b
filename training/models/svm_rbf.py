"""A support vector machine with a Gaussian kernel."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC

from training.learning.classifier import Classifier, Setting


def make(setting: Setting) -> SVC:
    """Return the unfitted classifier; `width` is gamma times the number of features."""

    def kernel(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = rbf_kernel(left, right, gamma=setting["width"] / left.shape[1])
        return values

    return SVC(kernel=kernel, class_weight="balanced", C=setting["C"])


MODEL = Classifier(
    make, settings=[{"C": C, "width": width} for C in (1.0, 3.0, 10.0, 30.0) for width in (0.3, 1.0)]
)
