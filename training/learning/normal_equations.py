"""Weighted ridge regression from sums over examples.

The examples can be added in parts, so that only one part is in memory at a time.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.linalg.blas import ssyrk

Array = NDArray[np.float32]


class NormalEquations:
    """The normal equations of a weighted ridge regression.

    Example:
        >>> equations = NormalEquations(np.array([[0.0], [1.0], [2.0]]), np.ones(3))
        >>> equations.add(np.array([[0.0], [1.0], [2.0]], np.float32))
        >>> kernel, bias = equations.solve(penalty=1e-6)
        >>> round(float(kernel[0, 0]), 3)
        1.0
    """

    def __init__(self, targets: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        """Start with no examples.

        Args:
            targets: the targets of each part, shape (n, n_targets).
            weights: the weights of the examples of each part, shape (n,), not negative.
        """
        self._weighted_targets = targets * weights[:, np.newaxis]
        self._weights = weights
        self._total = 0.0
        self._target_sums = np.zeros(targets.shape[1])
        self._feature_sums: NDArray[np.float64] = np.zeros(0)
        self._products: NDArray[np.float64] = np.zeros(0)
        self._gram: Array = np.zeros(0, np.float32)

    def add(self, features: Array, factor: float = 1.0) -> None:
        """Add n examples with the targets and weights of a part.

        Args:
            features: the features of the examples, shape (n, n_features).
            factor: the factor of the weights. It can be negative if the sum of all parts is not.
        """
        if not self._total:
            n_features = features.shape[1]
            self._feature_sums = np.zeros(n_features)
            self._products = np.zeros((n_features, len(self._target_sums)))
            self._gram = np.zeros((n_features, n_features), np.float32, order="F")
        self._total += factor * self._weights.sum()
        self._target_sums += factor * self._weighted_targets.sum(axis=0)
        # Products with the features are in float32, since a copy of them in float64 takes gigabytes.
        self._feature_sums += factor * (self._weights.astype(np.float32) @ features)
        self._products += factor * (features.T @ self._weighted_targets.astype(np.float32))
        roots = np.sqrt(self._weights).astype(np.float32)
        weighted = features * roots[:, np.newaxis]
        # The product of a matrix with its own transpose; it fills the lower triangle only.
        self._gram = ssyrk(factor, weighted.T, beta=1.0, c=self._gram, lower=True, overwrite_c=True)

    def solve(self, penalty: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Minimize the weighted mean squared error plus the penalty times the squared kernel.

        Args:
            penalty: the penalty, more than 0.

        Returns:
            The kernel, shape (n_features, n_targets), and the bias, shape (n_targets,), which is not
            penalized.
        """
        feature_means, target_means = self._feature_sums / self._total, self._target_sums / self._total
        gram = self._gram.astype(np.float64)
        gram /= self._total
        gram -= np.outer(feature_means, feature_means)
        gram.flat[:: len(gram) + 1] += penalty
        products = self._products / self._total - np.outer(feature_means, target_means)
        kernel = solve(gram, products, assume_a="pos", lower=True, overwrite_a=True)
        return kernel, target_means - feature_means @ kernel
