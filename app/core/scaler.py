"""Standardisation of features, with the parameters that training found."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scaler:
    """Brings each feature to mean 0 and standard deviation 1.

    Attributes:
        mean: float64, shape (n_features,); in a bundle, functionals first, then descriptors.
        scale: float64, shape (n_features,), the standard deviation; 1 for a constant feature.

    Raises:
        ValueError: the two differ in shape, or hold a value that cannot be divided by.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check that every feature can be standardised."""
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            raise ValueError(f"mean has the shape {self.mean.shape} and scale {self.scale.shape}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise ValueError("mean and scale must be finite and scale above 0")

    def transform(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardise.

        Args:
            features: float32, shape (…, n_features).

        Returns:
            float32, the same shape.
        """
        return ((features - self.mean) / self.scale).astype(np.float32)

    def split(self, n_features: int) -> tuple["Scaler", "Scaler"]:
        """Part the first features from the rest."""
        return (
            Scaler(self.mean[:n_features], self.scale[:n_features]),
            Scaler(self.mean[n_features:], self.scale[n_features:]),
        )

    def to_json(self) -> str:
        """Write as JSON; every number comes back bit for bit."""
        return json.dumps({"mean": self.mean.tolist(), "scale": self.scale.tolist()})

    @classmethod
    def from_json(cls, text: str) -> "Scaler":
        """Read what `to_json` wrote.

        Raises:
            ValueError: not such a text.
        """
        try:
            fields = json.loads(text)
            return cls(np.array(fields["mean"], np.float64), np.array(fields["scale"], np.float64))
        except (KeyError, TypeError) as error:
            raise ValueError("scaler.json needs the lists mean and scale") from error
