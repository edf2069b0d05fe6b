"""The hyperparameters of networks as tables of plain values, one table for each network.

The hyperparameters of a network are its settings (`Network` or `Ridge`) and the keyword-only parameters of
the function that builds it, such as the number of units. Their defaults are in `training/models`.
"""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from functools import partial

from app.core.manifest import Hyperparameter
from training.data.conditions import CONDITIONS
from training.errors import TrainingError, with_hint
from training.learning.network import Network
from training.learning.ridge_regression import Ridge
from training.learning.trained_network import Shapes

Part = Network | Ridge

BUILD = "build"
AUGMENTATIONS = "augmentations"
WEIGHTS = "weights"
"""The name of the table of the fusion weights, which does not belong to one network."""

TRIED = Shapes(n_functionals=64, n_descriptors=64)
"""The sizes of a network that is built only to check its hyperparameters."""


def hyperparameters(network: Part) -> dict[str, Hyperparameter]:
    """Return every hyperparameter of a network.

    Args:
        network: the network.

    Returns:
        The values by name.

    Example:
        >>> from training.models.dense import MODEL
        >>> hyperparameters(MODEL.networks["dense"])["units"]
        128
    """
    settings = {field.name: getattr(network, field.name) for field in fields(network) if field.name != BUILD}
    return {**_of_build(network), **settings}


def change(networks: Mapping[str, Part], tables: Mapping[str, Mapping[str, object]]) -> dict[str, Part]:
    """Replace hyperparameters of networks.

    Args:
        networks: the networks by name.
        tables: the new values by name, for each network by its name. A name such as `dense-*` means all
            networks that match it; a later table replaces values of an earlier one.

    Raises:
        TrainingError: a network or a hyperparameter does not exist, or a value cannot be used.
    """
    changed = dict(networks)
    for pattern, table in tables.items():
        for name in matching(pattern, list(networks)):
            changed[name] = _changed(name, changed[name], table)
    return changed


def matching(pattern: str, names: Sequence[str]) -> list[str]:
    """Return the networks that a name such as `dense-*` means.

    Raises:
        TrainingError: there is no such network.
    """
    if not (matched := [name for name in names if fnmatchcase(name, pattern)]):
        raise TrainingError(f"there is no network {with_hint(pattern, names)}")
    return matched


def checked(where: str, name: str, value: object, known: Mapping[str, Hyperparameter]) -> Hyperparameter:
    """Return a value for a hyperparameter, in the type of its present value.

    Args:
        where: the name of the network, for the message of an error.
        name: the name of the hyperparameter.
        value: the new value.
        known: the present values of the network.

    Raises:
        TrainingError: the hyperparameter does not exist, or the value cannot be used.
    """
    if name not in known:
        raise TrainingError(f"{where} has no hyperparameter {with_hint(name, list(known))}")
    if name == AUGMENTATIONS:
        return _conditions(where, value)
    present = known[name]
    if isinstance(present, bool):
        if isinstance(value, bool):
            return value
        raise TrainingError(f"{where}.{name} is true or false, not {value!r}")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(present, int) and is_number and isinstance(value, int) and value >= 1:
        return value
    if isinstance(present, float) and is_number and isinstance(value, int | float) and value >= 0:
        return float(value)
    kind = "an integer of at least 1" if isinstance(present, int) else "a number of at least 0"
    raise TrainingError(f"{where}.{name} is {kind}, not {value!r}")


def _of_build(network: Part) -> dict[str, Hyperparameter]:
    """Return the keyword-only parameters of the function that builds a network."""
    parameters = inspect.signature(network.build).parameters.values()
    return {one.name: one.default for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}


def _changed(name: str, network: Part, table: Mapping[str, object]) -> Part:
    """Replace hyperparameters of a network, and check that it can be built."""
    known = hyperparameters(network)
    values = {key: checked(name, key, value, known) for key, value in table.items()}
    of_build = {key: values.pop(key) for key in _of_build(network) if key in values}
    build = partial(network.build, **of_build) if of_build else network.build
    try:
        build(TRIED, 2)
    except ValueError as error:  # of Keras, such as a dropout of 2
        raise TrainingError(f"{name} cannot be built with {of_build}: {error}") from error
    return replace(network, build=build, **values)  # type: ignore[arg-type]


def _conditions(where: str, value: object) -> tuple[str, ...]:
    """Return the names of conditions."""
    names = tuple(value) if isinstance(value, list | tuple) else (value,)
    if unknown := [name for name in names if name not in CONDITIONS or name == "clean"]:
        known = [name for name in CONDITIONS if name != "clean"]
        raise TrainingError(
            f"{where}.{AUGMENTATIONS}: there is no condition {with_hint(str(unknown[0]), known)}"
        )
    return names


def fusion_weights(table: Mapping[str, object], names: Sequence[str]) -> dict[str, float]:
    """Return the fusion weights of all networks.

    Args:
        table: the weights by the names of the networks.
        names: the names of all networks.

    Raises:
        TrainingError: a weight is missing or below 0, or they do not sum to 1.
    """
    weights = {name: value for name, value in table.items() if isinstance(value, int | float)}
    if set(weights) != set(names) or set(table) != set(names) or min(weights.values()) < 0:
        raise TrainingError(f"{WEIGHTS} gives each of {', '.join(names)} a number of at least 0")
    if not math.isclose(sum(weights.values()), 1, abs_tol=1e-6):
        raise TrainingError(f"the {WEIGHTS} sum to {sum(weights.values()):g}, not to 1")
    return {name: float(weights[name]) for name in names}
