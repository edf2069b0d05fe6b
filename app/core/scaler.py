"""Standardization of features with parameters from the training."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scaler:
    """A scaler of each feature to mean 0 and standard deviation 1.

    Attributes:
        mean: the means, float64, shape (n_features,); in a bundle, functionals first, then descriptors.
        scale: the standard deviations, float64, shape (n_features,); 1 for a constant feature.

    Raises:
        ValueError: the shapes differ, a value is not finite, or a scale is not above 0.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check that every feature can be standardized."""
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            raise ValueError(f"mean has the shape {self.mean.shape}, but scale has {self.scale.shape}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise ValueError("mean and scale must be finite and scale above 0")

    def transform(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardize features.

        Args:
            features: the features, float32, shape (…, n_features).

        Returns:
            The standardized features, float32, of the same shape.
        """
        return ((features - self.mean) / self.scale).astype(np.float32)

    def split(self, n_features: int) -> tuple["Scaler", "Scaler"]:
        """Split the scaler into the first `n_features` features and the rest."""
        return (
            Scaler(self.mean[:n_features], self.scale[:n_features]),
            Scaler(self.mean[n_features:], self.scale[n_features:]),
        )

    def to_json(self) -> str:
        """Return the scaler as JSON. Every number survives bit for bit."""
        return json.dumps({"mean": self.mean.tolist(), "scale": self.scale.tolist()})

    @classmethod
    def from_json(cls, text: str) -> "Scaler":
        """Parse the output of `to_json`.

        Raises:
            ValueError: the text is not valid JSON of a scaler.
        """
        try:
            fields = json.loads(text)
            return cls(np.array(fields["mean"], np.float64), np.array(fields["scale"], np.float64))
        except (KeyError, OverflowError, RecursionError, TypeError) as error:
            raise ValueError("scaler.json needs the lists mean and scale, of numbers") from error
