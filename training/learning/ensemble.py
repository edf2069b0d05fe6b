"""Ensembles: the weighted geometric mean of the probabilities of several networks.

The fusion weights of the members are given, or fitted jointly; the fit gives little weight to a network that
adds nothing.
The ensemble has one temperature.

Members differ in kind and in seed. Each member is trained separately and twice. The first training uses
the training part alone; the validation part then gives the fusion weights and the validation UAR. The
second training uses the training and validation parts together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import Hyperparameter, HyperparameterSearch
from app.core.speaker import softmax
from training.data.dataset import Inputs
from training.data.folds import Fold, Indices
from training.learning.calibration import fit_weights
from training.learning.hyperparameters import WEIGHTS, change, fusion_weights, hyperparameters
from training.learning.network import Network
from training.learning.ridge_regression import Ridge
from training.learning.speaker import SpeakerHead
from training.learning.trained_network import Shapes, TrainedNetwork

N_BUILT = 4096
"""The number of features of a network that is built only to inspect its inputs. Not tuned."""

JUDGED = "-judged.keras"
"""The end of the file name of a network that did not learn from the validation part."""

MEMBER_SEEDS = 100
"""The distance between the seeds of two members, so that no member shares a seed with a member of another
fold. Not tuned."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """One or several networks whose probabilities are averaged.

    Attributes:
        networks: the networks by name.
        weights: the fusion weight of each network, which sum to 1; None fits them on the validation part.
        adapts_by: the name of the ridge regression that adapts the answers to speakers; empty if the model
            does not adapt.
        search: the search for hyperparameters that precedes each training; None without a search, as always
            in this class.
    """

    networks: dict[str, Network | Ridge]
    weights: Mapping[str, float] | None = None
    adapts_by: str = ""
    search: HyperparameterSearch | None = None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of the training utterances, `clean` among them."""
        conditions = [condition for network in self.networks.values() for condition in network.conditions]
        return tuple(dict.fromkeys(conditions))

    @property
    def refits(self) -> bool:
        """True if the final networks are trained on the training and validation parts."""
        return all(network.refits for network in self.networks.values())

    @property
    def fits_weights(self) -> bool:
        """True if the validation part gives the fusion weights of several networks."""
        return self.weights is None and len(self.networks) > 1

    @property
    def needs_encoder(self) -> bool:
        """True if the model requires the encoder's features, since it adapts to speakers."""
        return bool(self.adapts_by)

    @property
    def exportable(self) -> bool:
        """True: a bundle can contain networks."""
        return True

    @property
    def random(self) -> bool:
        """True if a network is trained in random steps; a ridge regression is not."""
        return any(isinstance(network, Network) for network in self.networks.values())

    @property
    def takes_descriptors(self) -> bool:
        """True if a network uses descriptors; otherwise they are not read."""
        built = [network.build(Shapes(N_BUILT, N_BUILT), 2) for network in self.networks.values()]
        return any(port.name == "descriptors" for network in built for port in network.inputs)

    @property
    def hyperparameters(self) -> dict[str, dict[str, Hyperparameter]]:
        """The hyperparameters of each network, and `weights`, the fusion weights if they are fixed."""
        tables = {name: hyperparameters(network) for name, network in self.networks.items()}
        return {**tables, **({WEIGHTS: dict(self.weights)} if self.weights else {})}

    def changed(self, tables: Mapping[str, Mapping[str, object]]) -> "Ensemble":
        """Return the ensemble with other hyperparameters.

        Args:
            tables: the new values by name, for each network by its name or a pattern such as `dense-*`, and
                `weights`, the fusion weight of every network.

        Raises:
            TrainingError: a network or a hyperparameter does not exist, or a value cannot be used.
        """
        of_networks = {name: table for name, table in tables.items() if name != WEIGHTS}
        weights = fusion_weights(tables[WEIGHTS], list(self.networks)) if WEIGHTS in tables else self.weights
        return replace(self, networks=change(self.networks, of_networks), weights=weights)

    def limited(self, max_epochs: int | None) -> "Ensemble":
        """Return the ensemble with at most this number of epochs for each network."""
        limited = {name: network.limited(max_epochs) for name, network in self.networks.items()}
        return replace(self, networks=limited)

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> "TrainedEnsemble":
        """Train every network, except those that the folder already contains.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts are used.
            seed: the seed of all training.
            folder: the folder of the networks.
        """
        judged = self._judge(inputs, fold, seed, folder)
        final, files = dict(judged), {}
        for number, (name, network) in enumerate(self.networks.items()):
            files[name] = f"{name}.keras" if network.refits else f"{name}{JUDGED}"
            if network.refits:
                final[name] = network.refit(inputs, fold, _own_seed(seed, number), folder / files[name])
        validation, weights = self._fuse(judged, inputs, fold)
        members = [
            Member(files[name], final[name], weight, judged[name].history, network.refits)
            for (name, network), weight in zip(self.networks.items(), weights, strict=True)
        ]
        seconds = sum(one.seconds for one in (*judged.values(), *final.values()))
        head = SpeakerHead(final[self.adapts_by].last_kernel) if self.adapts_by else None
        return TrainedEnsemble(members, fold.validation, validation, self.hyperparameters, head, seconds)

    def validate(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> NDArray[np.float64]:
        """Return the probabilities of the validation part, from networks of the training part alone.

        `fit` with the same arguments trains these networks too, and does not train them again.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts are used.
            seed: the seed of all training.
            folder: the folder of the networks.
        """
        return self._fuse(self._judge(inputs, fold, seed, folder), inputs, fold)[0]

    def _judge(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> dict[str, TrainedNetwork]:
        """Train every network on the training part alone."""
        return {
            name: network.fit(inputs, fold, _own_seed(seed, number), folder / f"{name}{JUDGED}")
            for number, (name, network) in enumerate(self.networks.items())
        }

    def _fuse(
        self, judged: Mapping[str, TrainedNetwork], inputs: Inputs, fold: Fold
    ) -> tuple[NDArray[np.float64], Sequence[float]]:
        """Return the probabilities of the validation part, and the fusion weights."""
        answers = [one.predict(inputs, fold.validation, "clean") for one in judged.values()]
        weights = (
            [self.weights[name] for name in self.networks]
            if self.weights
            else fit_weights(answers, inputs.targets[fold.validation])
        )
        return mean(answers, weights), weights


def _own_seed(seed: int, number: int) -> int:
    """Return the seed of a network of an ensemble, by its place in the ensemble."""
    return seed + MEMBER_SEEDS * number


@dataclass(frozen=True, slots=True)
class Member:
    """A trained network of an ensemble.

    Attributes:
        file: the name of the network's file in the folder of the fold.
        trained: the final network.
        weight: the fusion weight. The weights of all members sum to 1.
        history: the history of the training without the validation part; empty if there are no epochs.
        refitted: True if `trained` is from the second training; otherwise it is from the best epoch.
    """

    file: str
    trained: TrainedNetwork
    weight: float
    history: dict[str, list[float]]
    refitted: bool


@dataclass(frozen=True, slots=True)
class TrainedEnsemble:
    """An ensemble after training on one fold.

    Attributes:
        networks: the members.
        validated: the indices of the m utterances of the validation part.
        validation_probabilities: the probabilities of the validation part from the networks that were trained
            on the training part alone, not calibrated, shape (m, n_labels).
        hyperparameters: the hyperparameters of each network, as `Ensemble.hyperparameters`.
        speaker: the adaptation to speakers; None if the model does not adapt.
        seconds: the duration of the training in seconds.
        searched: the values that a search on the validation part selected, by name.
    """

    networks: Sequence[Member]
    validated: Indices
    validation_probabilities: NDArray[np.float64]
    hyperparameters: Mapping[str, Mapping[str, Hyperparameter]]
    speaker: SpeakerHead | None
    seconds: float
    searched: Mapping[str, float] = field(default_factory=dict)

    @property
    def histories(self) -> list[dict[str, list[float]]]:
        """The history of each member's training without the validation part."""
        return [member.history for member in self.networks if member.history]

    @property
    def members(self) -> dict[str, float]:
        """The fusion weight of each network, by its file name."""
        return {one.file: one.weight for one in self.networks}

    @property
    def chosen(self) -> dict[str, float]:
        """The searched values, and the epoch of each network that stopped early on the validation part."""
        return dict(self.searched) | {
            f"epoch of {one.file}": int(np.argmax(one.history["val_uar"])) + 1
            for one in self.networks
            if one.history and not one.refitted
        }

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Return the probabilities of utterances under a condition, not calibrated, shape (n, n_labels)."""
        answers = [member.trained.predict(inputs, indices, condition) for member in self.networks]
        return mean(answers, [member.weight for member in self.networks])


def mean(probabilities: Sequence[NDArray[np.floating]], weights: Sequence[float]) -> NDArray[np.float64]:
    """Return the normalized weighted geometric mean of probabilities.

    Args:
        probabilities: the probabilities from each network, shape (n, n_labels) each.
        weights: the weight of each network. The weights sum to 1.

    Returns:
        The mean, float64, shape (n, n_labels). Each row sums to 1.
    """
    logarithms = [
        np.log(np.maximum(one, np.finfo(np.float32).tiny)).astype(np.float64) for one in probabilities
    ]
    return softmax(np.average(logarithms, axis=0, weights=weights))
