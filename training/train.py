"""`python -m training train`: from corpora to a bundle. Reads from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.core.bundle import OPENSMILE_VERSION, write_bundle
from app.core.features import FeatureExtractor
from app.core.manifest import Corpus, Facts, FoldScore, Level, Protocol, Scores, Spread
from app.core.manifest import Features as FeatureFacts
from app.core.scaler import Scaler
from training.calls import SOUNDS
from training.conditions import TEST_CONDITIONS
from training.corpora import Utterance
from training.cross_validation import Folders, Plan, cross_validate, prepare
from training.dataset import Dataset
from training.errors import TrainingError
from training.export import combine, to_onnx
from training.fit import FoldResult
from training.folds import Indices
from training.heard_in_calls import hear_calls
from training.models import load_model
from training.report import papers
from training.results import figures

EXPORTS = {
    "best-fold": "highest UAR on its validation parts",
    "all-folds": "all folds, none was chosen",
}
LEVELS: dict[frozenset[str], Level] = {
    frozenset({"features"}): "functionals",
    frozenset({"descriptors"}): "descriptors",
    frozenset({"features", "descriptors"}): "functionals and descriptors",
}
N_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Order:
    """The bundle that is wanted.

    Attributes:
        bundle: where it shall stand; its name is the folder's.
        model: a name in `training.models`.
        export: which folds' networks it shall hold, a name in `EXPORTS`.
        test_conditions: under which the test parts are heard, beside clean.
        calls: in which calls they are heard besides, names in `SOUNDS`.
        overwrite: replace a bundle that stands there.
    """

    bundle: Path
    model: str
    export: str = "best-fold"
    test_conditions: tuple[str, ...] = TEST_CONDITIONS
    calls: tuple[str, ...] = tuple(SOUNDS)
    overwrite: bool = False


def train(
    utterances: Sequence[Utterance],
    order: Order,
    plan: Plan,
    folders: Folders,
    *,
    skip_undecodable: bool = False,
) -> None:
    """Train, cross-validate and export.

    Args:
        utterances: with their corpora's own labels.
        order: the bundle that is wanted.
        plan: how the model is tested.
        folders: where things are kept.
        skip_undecodable: leave out recordings that cannot be analysed.

    Raises:
        TrainingError: the run cannot work.
    """
    tf.config.experimental.enable_op_determinism()
    conditions = tuple(dict.fromkeys((*load_model(order.model).conditions, *order.test_conditions)))
    dataset, folds = prepare(utterances, plan, folders.cache, conditions, skip_undecodable=skip_undecodable)
    results = cross_validate(order.model, dataset, folds, plan, folders.runs)
    if not results[0].members:
        raise TrainingError(f"{order.model} is a baseline: it can be compared, not exported")

    calls = {
        sound: hear_calls(dataset.utterances, plan.features, folders.cache, sound) for sound in order.calls
    }
    all_figures = figures(order.model, dataset, plan, results, calls)
    export(order, plan, dataset, results, all_figures)


def export(
    order: Order,
    plan: Plan,
    dataset: Dataset,
    results: Sequence[FoldResult],
    all_figures: dict[str, Any],
) -> None:
    """Write the bundle.

    Args:
        order: the bundle that is wanted.
        plan: how the model was tested.
        dataset: that it was trained and tested on.
        results: of the folds.
        all_figures: of the run.
    """
    exported = results if order.export == "all-folds" else [_best(results)]
    scaler = _mean_scaler(exported)
    network = combine(exported, scaler)
    facts = _facts(order, plan, dataset, exported, network, all_figures)
    examples = _examples(dataset, exported[0].fold.test[:N_EXAMPLES], scaler, facts)
    write_bundle(
        order.bundle,
        facts,
        scaler,
        to_onnx(network, facts, examples),
        papers(facts, dataset, all_figures, results),
        overwrite=order.overwrite,
    )
    print(f"UAR {_plus_minus(facts.scores.uar)}; {order.bundle} is written", flush=True)


def _best(results: Sequence[FoldResult]) -> FoldResult:
    """The fold with the highest UAR on its validation parts."""
    return max(results, key=lambda result: result.validation_uar)


def _mean_scaler(results: Sequence[FoldResult]) -> Scaler:
    """One scaler for all that is exported; the graph goes over to that of each fold."""
    return Scaler(
        np.mean([result.scaler.mean for result in results], axis=0),
        np.exp(np.mean([np.log(result.scaler.scale) for result in results], axis=0)),
    )


def _examples(
    dataset: Dataset, indices: Indices, scaler: Scaler, facts: Facts
) -> list[dict[str, NDArray[np.float32]]]:
    """Standardised utterances, one at a time, as the service feeds them."""
    functionals, descriptors = scaler.split(facts.features.n_functionals)
    examples = []
    for index in indices:
        heard = dataset.features["clean"][index]
        scaled = {
            "features": functionals.transform(heard.functionals)[np.newaxis],
            "descriptors": descriptors.transform(heard.descriptors)[np.newaxis],
        }
        examples.append({name: scaled[name] for name in facts.input_shapes})
    return examples


def _facts(
    order: Order,
    plan: Plan,
    dataset: Dataset,
    exported: Sequence[FoldResult],
    network: keras.Model,
    all_figures: dict[str, Any],
) -> Facts:
    """Put together what the bundle says of itself."""
    extractor = FeatureExtractor(plan.features)
    features = FeatureFacts(
        feature_set=plan.features.feature_set,
        level=LEVELS[frozenset(port.name for port in network.inputs)],
        sampling_rate=plan.features.sampling_rate,
        n_functionals=len(extractor.functional_names),
        n_descriptors=len(extractor.descriptor_names),
        names_sha256=extractor.names_sha256,
        opensmile_version=OPENSMILE_VERSION,
    )
    folds = all_figures["folds"]
    return Facts(
        name=order.bundle.name,
        labels=dataset.labels,
        features=features,
        input_shapes=features.input_shapes,
        protocol=Protocol(
            name=plan.protocol, n_folds=len(folds), seed=plan.seed, corpora=_corpora(dataset.utterances)
        ),
        scores=Scores(
            uar=Spread(mean=all_figures["uar"]["mean"], sd=all_figures["uar"]["sd"]),
            uar_interval=all_figures["uar"]["interval_95"],
            accuracy=Spread(**all_figures["accuracy"]),
            calibration_error=all_figures["calibration_error"]["after"],
            uncalibrated_error=all_figures["calibration_error"]["before"],
            folds=tuple(
                FoldScore(**{key: fold[key] for key in ("fold", "uar", "accuracy", "validation_uar")})
                for fold in folds
            ),
        ),
        model=order.model,
        chosen_folds=tuple(result.fold.name for result in exported),
        chosen_by=EXPORTS[order.export],
        # The networks' own temperatures are in the graph; this one is of their mean.
        temperature=float(np.exp(np.mean([np.log(result.temperature) for result in exported]))),
    )


def _corpora(utterances: Sequence[Utterance]) -> tuple[Corpus, ...]:
    """Size and voices of every corpus."""
    corpora = []
    for name in dict.fromkeys(utterance.corpus for utterance in utterances):
        speakers = [utterance.speaker for utterance in utterances if utterance.corpus == name]
        corpora.append(Corpus(name=name, n_utterances=len(speakers), n_speakers=len(set(speakers))))
    return tuple(corpora)


def _plus_minus(spread: Spread) -> str:
    """Mean and standard deviation for people."""
    return f"{spread.mean:.1%}" if spread.sd is None else f"{spread.mean:.1%} ± {spread.sd:.1%}"
