"""Several networks that answer together: the geometric mean of their probabilities.

How much each counts is in its temperature, and the temperatures are fitted together: a network
that adds nothing to the others gets a high one, and so says nothing.

Members are trained apart, and differ in kind and in seed. Each is trained twice: without the
validation part, which tells how good it is and how sure it may be, and then on all that is not
held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.recognizer import apply_temperature
from training.calibration import fit_temperatures
from training.dataset import Inputs
from training.folds import Fold, Indices
from training.network import Network, TrainedNetwork
from training.ridge import Ridge

MEMBER_SEEDS = 100  # apart, so that a fold's members never share their seed with another fold's


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Networks by name; one is an ensemble too."""

    networks: dict[str, Network | Ridge]

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions under which training utterances are heard."""
        heard = [condition for network in self.networks.values() for condition in network.conditions]
        return tuple(dict.fromkeys(heard))

    def limited(self, max_epochs: int | None) -> "Ensemble":
        """The same with no network trained longer than that."""
        return Ensemble({name: network.limited(max_epochs) for name, network in self.networks.items()})

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> "TrainedEnsemble":
        """Train every network, but for those that were trained before.

        Args:
            inputs: of the fold.
            fold: whose training and validation part are used.
            seed: of all training.
            folder: the networks are kept in here.
        """
        truth = inputs.targets[fold.validation]
        stopped, final = {}, {}
        for number, (name, network) in enumerate(self.networks.items()):
            own_seed = seed + MEMBER_SEEDS * number
            stopped[name] = network.fit(inputs, fold, own_seed, folder / f"{name}-stopped.keras")
            final[name] = network.refit(inputs, fold, own_seed, folder / f"{name}.keras")
        answers = [one.predict(inputs, fold.validation, "clean") for one in stopped.values()]
        temperatures = fit_temperatures(answers, truth)
        members = [
            Member(f"{name}.keras", final[name], temperature, stopped[name].history)
            for name, temperature in zip(self.networks, temperatures, strict=True)
        ]
        validation = mean([apply_temperature(*pair) for pair in zip(answers, temperatures, strict=True)])
        seconds = sum(one.seconds for one in (*stopped.values(), *final.values()))
        return TrainedEnsemble(members, fold.validation, validation, seconds)


@dataclass(frozen=True, slots=True)
class Member:
    """A trained network, and what calibrates it.

    Attributes:
        file: in the folder of the fold.
        trained: the network.
        temperature: its share in the answer, fitted on the validation part, without which the
            network was trained first.
        history: of that first training; empty where there are no epochs.
    """

    file: str
    trained: TrainedNetwork
    temperature: float
    history: dict[str, list[float]]

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Probabilities of utterances under a condition at its temperature, shape (n, n_labels)."""
        return apply_temperature(self.trained.predict(inputs, indices, condition), self.temperature)


@dataclass(frozen=True, slots=True)
class TrainedEnsemble:
    """What `Ensemble.fit` found.

    Attributes:
        networks: all of them.
        validated: indices of the utterances of the validation part, m of them.
        validation_probabilities: of these, from networks that did not learn from them, shape
            (m, n_labels).
        seconds: that training took.
    """

    networks: Sequence[Member]
    validated: Indices
    validation_probabilities: NDArray[np.float64]
    seconds: float

    @property
    def histories(self) -> list[dict[str, list[float]]]:
        """Of each member's epochs without the validation part."""
        return [member.history for member in self.networks if member.history]

    @property
    def members(self) -> dict[str, float]:
        """The temperature of each network, by its file."""
        return {one.file: one.temperature for one in self.networks}

    @property
    def chosen(self) -> dict[str, float]:
        """What the validation part chose: the epoch of each network that it judged."""
        return {
            f"epoch of {one.file}": int(np.argmax(one.history["val_uar"])) + 1
            for one in self.networks
            if one.history
        }

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Probabilities of utterances under a condition, shape (n, n_labels)."""
        return mean([member.predict(inputs, indices, condition) for member in self.networks])


def mean(probabilities: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The geometric mean of probabilities, each of shape (n, n_labels), adding up to 1."""
    logarithms = np.mean(
        [np.log(np.maximum(one, np.finfo(np.float32).tiny)) for one in probabilities], axis=0
    )
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    normalised: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return normalised
