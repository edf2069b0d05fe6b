"""Models from TOML files: a model of `training/models` with other hyperparameters, or a search for them.

`model` names the model. Each further table belongs to a network of the model, and gives hyperparameters:

    model = "encoder"

    ["dense-*"]
    units = 256
    mixup = 0.2

A list of numbers, or limits, mean a search. Then `trials` is the number of trials on each fold:

    model = "encoder"
    trials = 30

    ["dense-*"]
    units = [64, 128, 256]
    learning_rate = { low = 1e-4, high = 1e-2, log = true }
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.core.manifest import Hyperparameter, HyperparameterSearch
from training.errors import TrainingError
from training.learning.ensemble import Ensemble
from training.learning.hyperparameters import AUGMENTATIONS, WEIGHTS, matching
from training.learning.search import SearchedEnsemble, split

MODEL = "model"
TRIALS = "trials"

Tables = dict[str, dict[str, Any]]


def read_model_file(path: Path) -> tuple[str, int | None, Tables]:
    """Read a model file.

    Args:
        path: the TOML file.

    Returns:
        The name of the model, the number of trials, and the tables by the names of the networks.

    Raises:
        TrainingError: the file cannot be read, or is not a model file.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read as TOML ({error})") from error
    name, trials = content.pop(MODEL, None), content.pop(TRIALS, None)
    if not isinstance(name, str):
        raise TrainingError(f'{path}: the first line must name the model, such as {MODEL} = "encoder"')
    if trials is not None and not (isinstance(trials, int) and trials >= 1):
        raise TrainingError(f"{path}: {TRIALS} is an integer of at least 1, not {trials!r}")
    for key, value in content.items():
        if not isinstance(value, dict):
            raise TrainingError(
                f"{path}: {key} is outside of a table; write it below the [name] of a network"
            )
    return name, trials, content


def customized(model: Ensemble, trials: int | None, tables: Tables) -> Ensemble:
    """Return a model with the hyperparameters of a model file.

    Args:
        model: the model that the file names.
        trials: the number of trials on each fold; None without a search.
        tables: the tables of the file.

    Raises:
        TrainingError: a network, a hyperparameter or a value does not exist, or a search has no trials.
    """
    fixed = {
        name: {key: value for key, value in table.items() if not _is_part(key, value)}
        for name, table in tables.items()
    }
    space = {
        f"{name}.{key}": value
        for name, table in tables.items()
        for key, value in table.items()
        if _is_part(key, value)
    }
    base = model.changed(fixed)
    _check_apart(base, fixed, space)
    if not space:
        if trials is not None:
            raise TrainingError(f"{TRIALS} = {trials} needs values to search, such as units = [64, 128]")
        return base
    if trials is None:
        raise TrainingError(f"{', '.join(space)}: a search needs the number of trials: {TRIALS} = 30")
    try:
        search = HyperparameterSearch.model_validate({"n_trials": trials, "space": space})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:2])
        raise TrainingError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
    for name, part in search.space.items():
        network, key = split(name)
        for value in part if isinstance(part, tuple) else (part.low, part.high):
            base.changed({network: {key: value}})
    return SearchedEnsemble(base.networks, base.weights, base.adapts_by, search)


def to_toml(name: str, hyperparameters: Mapping[str, Mapping[str, Hyperparameter]]) -> str:
    """Return a model file with every hyperparameter of a model.

    Args:
        name: the name of the model.
        hyperparameters: the values of each network.

    Example:
        >>> print(to_toml("dense", {"dense": {"units": 128, "refits": True}}))
        model = "dense"
        <BLANKLINE>
        [dense]
        units = 128
        refits = true
    """
    # The texts, numbers, booleans and lists of JSON are valid TOML.
    tables = [
        "\n".join([f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())])
        for table, values in hyperparameters.items()
    ]
    return "\n\n".join([f"{MODEL} = {json.dumps(name)}", *tables])


def _is_part(key: str, value: object) -> bool:
    """Return whether a value is a part of a search space."""
    return isinstance(value, dict) or (isinstance(value, list) and key != AUGMENTATIONS)


def _check_apart(base: Ensemble, fixed: Tables, space: Mapping[str, object]) -> None:
    """Raise if a hyperparameter of a network is both fixed and searched, or searched twice."""
    names = list(base.networks)
    entries = [(pattern, key) for pattern, table in fixed.items() if pattern != WEIGHTS for key in table]
    known = {(name, key) for pattern, key in entries for name in matching(pattern, names)}
    for pattern, key in map(split, space):
        for name in matching(pattern, names):
            if (name, key) in known:
                raise TrainingError(f"{name}.{key} has two values, and one of them is searched: keep one")
            known.add((name, key))
