"""Several networks that answer together: the geometric mean of their probabilities.

The weights of the members are fitted together: a network that adds nothing to the others gets none.
The answer of all members has one temperature.

Members are trained apart, and differ in kind and in seed. Each is trained twice: first without the
validation part, which gives the weights, the temperature, and a figure of how good the model is; then
on all that is not held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.speaker import softmax
from training.calibration import fit_weights
from training.dataset import Inputs
from training.folds import Fold, Indices
from training.network import Network, Shapes, TrainedNetwork
from training.ridge import Ridge
from training.speaker import NETWORKS, SpeakerHead, SpeakerRidge, groups_of, weigh

N_BUILT = 4096  # features of a network that is built only to look at its inputs
MEMBER_SEEDS = 100  # apart, so that a fold's members never share their seed with another fold's


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Networks by name; one is an ensemble too.

    Attributes:
        networks: that answer together.
        speaker: learns the adaptation to speakers; None if the model does not adapt.
    """

    networks: dict[str, Network | Ridge]
    speaker: SpeakerRidge | None = None

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions under which training utterances are heard."""
        heard = [condition for network in self.networks.values() for condition in network.conditions]
        return tuple(dict.fromkeys(heard))

    @property
    def refits(self) -> bool:
        """Whether the networks that answer are trained on all that is not held out."""
        return all(network.refits for network in self.networks.values())

    @property
    def needs_encoder(self) -> bool:
        """Whether the model learns from the encoder's features alone, since it adapts to speakers."""
        return self.speaker is not None

    @property
    def takes_descriptors(self) -> bool:
        """Whether a network takes descriptors; otherwise they need not be read."""
        built = [network.build(Shapes(N_BUILT, N_BUILT), 2) for network in self.networks.values()]
        return any(port.name == "descriptors" for network in built for port in network.inputs)

    def limited(self, max_epochs: int | None) -> "Ensemble":
        """The same with no network trained longer than that."""
        limited = {name: network.limited(max_epochs) for name, network in self.networks.items()}
        return Ensemble(limited, self.speaker)

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> "TrainedEnsemble":
        """Train every network, but for those that were trained before.

        Args:
            inputs: of the fold.
            fold: whose training and validation part are used.
            seed: of all training.
            folder: the networks are kept in here.
        """
        truth = inputs.targets[fold.validation]
        judged, final, files = {}, {}, {}
        for number, (name, network) in enumerate(self.networks.items()):
            own_seed = seed + MEMBER_SEEDS * number
            judged[name] = network.fit(inputs, fold, own_seed, folder / f"{name}-judged.keras")
            files[name] = f"{name}.keras" if network.refits else f"{name}-judged.keras"
            final[name] = judged[name]
            if network.refits:
                final[name] = network.refit(inputs, fold, own_seed, folder / files[name])
        answers = [one.predict(inputs, fold.validation, "clean") for one in judged.values()]
        weights = fit_weights(answers, truth)
        members = [
            Member(files[name], final[name], weight, judged[name].history, network.refits)
            for (name, network), weight in zip(self.networks.items(), weights, strict=True)
        ]
        validation = mean(answers, weights)
        seconds = sum(one.seconds for one in (*judged.values(), *final.values()))
        head = self._fit_head(inputs, fold, seed, validation)
        return TrainedEnsemble(members, fold.validation, validation, head, seconds)

    def _fit_head(
        self, inputs: Inputs, fold: Fold, seed: int, validation: NDArray[np.float64]
    ) -> SpeakerHead | None:
        """Learn the adaptation, weigh it on the validation part, then learn from all of the rest."""
        if self.speaker is None:
            return None
        judged = self.speaker.fit(inputs, fold.train, seed)
        places = np.arange(len(fold.validation))
        speakers = inputs.speakers[fold.validation]
        groups = list(groups_of(speakers, places, None, np.random.default_rng(seed)))
        scale = weigh(
            judged,
            inputs.functionals["clean"][fold.validation],
            validation,
            inputs.targets[fold.validation],
            groups,
        )
        final = self.speaker.fit(inputs, fold.rest, seed)
        return replace(final, of_head=scale, of_networks=NETWORKS * scale)


@dataclass(frozen=True, slots=True)
class Member:
    """A trained network, and what calibrates it.

    Attributes:
        file: in the folder of the fold.
        trained: the network.
        weight: its share in the answer, fitted on the validation part, without which the network was
            trained first; the shares of all members sum to 1.
        history: of that first training; empty where there are no epochs.
        refitted: whether `trained` was trained again; otherwise it is the network of the best epoch.
    """

    file: str
    trained: TrainedNetwork
    weight: float
    history: dict[str, list[float]]
    refitted: bool


@dataclass(frozen=True, slots=True)
class TrainedEnsemble:
    """What `Ensemble.fit` found.

    Attributes:
        networks: all of them.
        validated: indices of the utterances of the validation part, m of them.
        validation_probabilities: of these, from networks that did not learn from them, not
            calibrated, shape (m, n_labels).
        speaker: the adaptation to speakers; None if the model does not adapt.
        seconds: that training took.
    """

    networks: Sequence[Member]
    validated: Indices
    validation_probabilities: NDArray[np.float64]
    speaker: SpeakerHead | None
    seconds: float

    @property
    def histories(self) -> list[dict[str, list[float]]]:
        """Of each member's epochs without the validation part."""
        return [member.history for member in self.networks if member.history]

    @property
    def members(self) -> dict[str, float]:
        """The weight of each network, by its file."""
        return {one.file: one.weight for one in self.networks}

    @property
    def chosen(self) -> dict[str, float]:
        """Choices of the validation part: the epoch of each network that stopped early."""
        return {
            f"epoch of {one.file}": int(np.argmax(one.history["val_uar"])) + 1
            for one in self.networks
            if one.history and not one.refitted
        }

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Probabilities of utterances under a condition, not calibrated, shape (n, n_labels)."""
        answers = [member.trained.predict(inputs, indices, condition) for member in self.networks]
        return mean(answers, [member.weight for member in self.networks])


def mean(probabilities: Sequence[NDArray[np.floating]], weights: Sequence[float]) -> NDArray[np.float64]:
    """The geometric mean of probabilities.

    Args:
        probabilities: shape (n, n_labels) each.
        weights: of each; they sum to 1.

    Returns:
        float64, shape (n, n_labels); each row sums to 1.
    """
    logarithms = [
        np.log(np.maximum(one, np.finfo(np.float32).tiny)).astype(np.float64) for one in probabilities
    ]
    return softmax(np.average(logarithms, axis=0, weights=weights))
