"""Search for hyperparameters: an Optuna study on each fold, which uses no test part.

A trial trains the networks on the training part, and its value is the UAR of the validation part. The best
trial is then trained as usual. So the test part scores search and training together: nested cross-validation
(Cawley & Talbot 2010, "On over-fitting in model selection", JMLR 11). The validation UAR of the best trial is
higher than the expected performance, since it was selected.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from tqdm import tqdm

from app.core.files import write_whole
from app.core.manifest import Hyperparameter, HyperparameterSearch, SearchRange
from training.data.dataset import Inputs
from training.data.folds import Fold
from training.learning.ensemble import Ensemble, TrainedEnsemble
from training.learning.hyperparameters import matching
from training.learning.scores import uar

TRIALS = "trials.json"
"""The file of the complete trials, from which an interrupted search resumes."""


class Trial(TypedDict):
    """A complete trial.

    Attributes:
        values: the values of the searched hyperparameters, by name.
        validation_uar: the UAR of the validation part.
        seconds: the duration of the trial in seconds.
    """

    values: dict[str, float]
    validation_uar: float
    seconds: float


optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True, slots=True)
class SearchedModel:
    """A model whose hyperparameters are searched on each fold.

    Attributes:
        base: the model with the hyperparameters that are not searched.
        search: the number of trials, and the space. A name is that of a network or a pattern, a dot, and that
            of the hyperparameter, such as `dense-*.units`.
    """

    base: Ensemble
    search: HyperparameterSearch

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of the training utterances, `clean` among them."""
        return self.base.conditions

    @property
    def refits(self) -> bool:
        """True if the final networks are trained on the training and validation parts."""
        return self.base.refits

    @property
    def fits_weights(self) -> bool:
        """True if the validation part gives the fusion weights of several networks."""
        return self.base.fits_weights

    @property
    def needs_encoder(self) -> bool:
        """True if the model requires the encoder's features."""
        return self.base.needs_encoder

    @property
    def exportable(self) -> bool:
        """True: a bundle can contain networks."""
        return True

    @property
    def random(self) -> bool:
        """True: the sampler of the search is random."""
        return True

    @property
    def takes_descriptors(self) -> bool:
        """True if a network uses descriptors; otherwise they are not read."""
        return self.base.takes_descriptors

    @property
    def hyperparameters(self) -> dict[str, dict[str, Hyperparameter]]:
        """The hyperparameters before the search."""
        return self.base.hyperparameters

    def limited(self, max_epochs: int | None) -> "SearchedModel":
        """Return the model with at most this number of epochs for each network."""
        return replace(self, base=self.base.limited(max_epochs))

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> TrainedEnsemble:
        """Search on the training and validation parts, then train with the best hyperparameters.

        The first trial uses the hyperparameters of the base, as far as the space contains them. If two trials
        have the same validation UAR, the earlier one is the best.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts are used.
            seed: the seed of the sampler and of all training.
            folder: the folder of the trials, each with its networks. Complete trials are not trained again.
        """
        path = folder / TRIALS
        trials: list[Trial] = json.loads(path.read_bytes()) if path.is_file() else []
        bar = tqdm(total=self.search.n_trials, initial=len(trials), desc="trials", leave=False)
        while len(trials) < self.search.n_trials:
            values = self._propose(trials, seed)
            own = _folder(folder, len(trials))
            started = time.monotonic()
            probabilities = self._with(values).validate(inputs, fold, seed, own)
            score = uar(inputs.targets[fold.validation], probabilities.argmax(axis=1))
            trials.append(Trial(values=values, validation_uar=score, seconds=time.monotonic() - started))
            write_whole(path, json.dumps(trials, indent=1).encode())
            bar.set_postfix_str(f"best validation UAR {trials[_best(trials)]['validation_uar']:.1%}")
            bar.update()
            for worse in set(range(len(trials))) - {_best(trials)}:
                shutil.rmtree(_folder(folder, worse), ignore_errors=True)
        bar.close()
        best = _best(trials)
        values, own = trials[best]["values"], _folder(folder, best)
        trained = self._with(values).fit(inputs, fold, seed, own)
        members = [replace(member, file=f"{own.name}/{member.file}") for member in trained.networks]
        seconds = trained.seconds + sum(one["seconds"] for one in trials) - trials[best]["seconds"]
        return replace(trained, networks=members, searched=values, seconds=seconds)

    def _propose(self, trials: Sequence[Trial], seed: int) -> dict[str, float]:
        """Return the values of the next trial, which depend on the earlier trials and on the seed only.

        The sampler is the tree-structured Parzen estimator (Bergstra et al. 2011), the default of Optuna.
        """
        # The sum of both would give trials of two folds the same values.
        own_seed = int(np.random.SeedSequence((seed, len(trials))).generate_state(1)[0])
        sampler = optuna.samplers.TPESampler(seed=own_seed)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = {name: _distribution(part) for name, part in self.search.space.items()}
        for one in trials:
            study.add_trial(
                optuna.trial.create_trial(
                    params=one["values"], distributions=distributions, value=one["validation_uar"]
                )
            )
        if not trials:
            study.enqueue_trial(self._of_base())
        return study.ask(distributions).params

    def _of_base(self) -> dict[str, float]:
        """Return the values of the base that the space contains."""
        tables = self.base.hyperparameters
        values = {}
        for name, part in self.search.space.items():
            pattern, key = split(name)
            value = tables[matching(pattern, list(self.base.networks))[0]][key]
            if isinstance(value, int | float) and value in part:
                values[name] = value
        return values

    def _with(self, values: Mapping[str, float]) -> Ensemble:
        """Return the base with the values of a trial."""
        model = self.base
        for name, value in values.items():
            pattern, key = split(name)
            model = model.changed({pattern: {key: value}})
        return model


def split(name: str) -> tuple[str, str]:
    """Split the name of a searched hyperparameter into those of the network and of the hyperparameter.

    Example:
        >>> split("dense-*.units")
        ('dense-*', 'units')
    """
    network, _, hyperparameter = name.rpartition(".")
    return network, hyperparameter


def _distribution(part: SearchRange | tuple[float, ...]) -> BaseDistribution:
    """Return the distribution of a part of the space."""
    if not isinstance(part, SearchRange):
        return CategoricalDistribution(part)
    if isinstance(part.low, int):
        return IntDistribution(part.low, int(part.high), log=part.log)
    return FloatDistribution(part.low, part.high, log=part.log)


def _best(trials: Sequence[Trial]) -> int:
    """Return the place of the first trial with the highest validation UAR."""
    return int(np.argmax([one["validation_uar"] for one in trials]))


def _folder(folder: Path, place: int) -> Path:
    """Return the folder of the networks of a trial."""
    return folder / f"trial-{place + 1}"
