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
        >>> equations = NormalEquations()
        >>> values = np.array([[0.0], [1.0], [2.0]])
        >>> equations.add(values.astype(np.float32), values, np.ones(3))
        >>> kernel, bias = equations.solve(penalty=1e-6)
        >>> round(float(kernel[0, 0]), 3)
        1.0
    """

    def __init__(self) -> None:
        """Start with no examples."""
        self._total = 0.0
        self._target_sums: NDArray[np.float64] = np.zeros(0)
        self._feature_sums: NDArray[np.float64] = np.zeros(0)
        self._products: NDArray[np.float64] = np.zeros(0)
        self._gram: Array = np.zeros(0, np.float32)

    def add(
        self,
        features: Array,
        targets: NDArray[np.float64],
        weights: NDArray[np.float64],
        factor: float = 1.0,
    ) -> None:
        """Add n examples.

        Args:
            features: the features of the examples, shape (n, n_features).
            targets: the targets of the examples, shape (n, n_targets).
            weights: the weights of the examples, shape (n,), not negative.
            factor: the factor of the weights. It can be negative if the sum of all parts is not.
        """
        if not self._total:
            n_features, n_targets = features.shape[1], targets.shape[1]
            self._target_sums, self._feature_sums = np.zeros(n_targets), np.zeros(n_features)
            self._products = np.zeros((n_features, n_targets))
            self._gram = np.zeros((n_features, n_features), np.float32, order="F")
        weighted_targets = targets * weights[:, np.newaxis]
        self._total += factor * weights.sum()
        self._target_sums += factor * weighted_targets.sum(axis=0)
        # Products with the features are in float32, which is faster.
        self._feature_sums += factor * (weights.astype(np.float32) @ features)
        self._products += factor * (features.T @ weighted_targets.astype(np.float32))
        weighted = features * np.sqrt(weights).astype(np.float32)[:, np.newaxis]
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
