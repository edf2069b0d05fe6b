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
from app.core.manifest import SearchRange
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


Space = Mapping[str, SearchRange | tuple[float, ...]]

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True, slots=True)
class SearchedEnsemble(Ensemble):
    """An ensemble whose hyperparameters are searched on each fold.

    The other attributes are those of the ensemble before the search. In the space of `search`, a name is that
    of a network or a pattern, a dot, and that of the hyperparameter, such as `dense-*.units`.
    """

    @property
    def random(self) -> bool:
        """True: the sampler of the search is random."""
        return True

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> TrainedEnsemble:
        """Search on the training and validation parts, then train with the best hyperparameters.

        The first trial uses the present hyperparameters, if the space contains them. If two trials have the
        same validation UAR, the earlier one is the best.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts are used.
            seed: the seed of the sampler and of all training.
            folder: the folder of the trials, each with its networks. Complete trials are not trained again.
        """
        assert self.search is not None
        path = folder / TRIALS
        trials: list[Trial] = json.loads(path.read_bytes()) if path.is_file() else []
        bar = tqdm(total=self.search.n_trials, initial=len(trials), desc="trials", leave=False)
        while len(trials) < self.search.n_trials:
            values = self._propose(self.search.space, trials, seed)
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

    def _propose(self, space: Space, trials: Sequence[Trial], seed: int) -> dict[str, float]:
        """Return the values of the next trial, which depend on the earlier trials and on the seed only.

        The sampler is the tree-structured Parzen estimator (Bergstra et al. 2011), the default of Optuna.
        """
        # The sum of both would give trials of two folds the same values.
        own_seed = int(np.random.SeedSequence((seed, len(trials))).generate_state(1)[0])
        sampler = optuna.samplers.TPESampler(seed=own_seed)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        present = {name: self._present(name) for name in space}
        distributions = {name: _distribution(part, present[name]) for name, part in space.items()}
        for one in trials:
            study.add_trial(
                optuna.trial.create_trial(
                    params=one["values"], distributions=distributions, value=one["validation_uar"]
                )
            )
        if not trials:
            study.enqueue_trial({name: value for name, value in present.items() if value in space[name]})
        return study.ask(distributions).params

    def _present(self, name: str) -> float:
        """Return the value before the search of a hyperparameter, in the first network that it means."""
        pattern, key = split(name)
        value = self.hyperparameters[matching(pattern, list(self.networks))[0]][key]
        assert isinstance(value, int | float), "model files search numbers and booleans only"
        return value

    def _with(self, values: Mapping[str, float]) -> Ensemble:
        """Return the ensemble with the values of a trial."""
        tables: dict[str, dict[str, object]] = {}
        for name, value in values.items():
            pattern, key = split(name)
            tables.setdefault(pattern, {})[key] = value
        return Ensemble(self.networks, self.weights, self.adapts_by).changed(tables)


def split(name: str) -> tuple[str, str]:
    """Split the name of a searched hyperparameter into those of the network and of the hyperparameter.

    Example:
        >>> split("dense-*.units")
        ('dense-*', 'units')
    """
    network, _, hyperparameter = name.rpartition(".")
    return network, hyperparameter


def _distribution(part: SearchRange | tuple[float, ...], present: float) -> BaseDistribution:
    """Return the distribution of a part of the space of a hyperparameter with this present value."""
    if not isinstance(part, SearchRange):
        return CategoricalDistribution(part)
    if isinstance(present, int):
        return IntDistribution(int(part.low), int(part.high), log=part.log)
    return FloatDistribution(part.low, part.high, log=part.log)


def _best(trials: Sequence[Trial]) -> int:
    """Return the place of the first trial with the highest validation UAR."""
    return int(np.argmax([one["validation_uar"] for one in trials]))


def _folder(folder: Path, place: int) -> Path:
    """Return the folder of the networks of a trial."""
    return folder / f"trial-{place + 1}"
