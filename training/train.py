"""`python -m training train`: from corpora to a bundle. Reads from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.core.bundle import OPENSMILE_VERSION, write_bundle
from app.core.features import FeatureExtractor
from app.core.log_mel import N_MELS, SAMPLING_RATE
from app.core.manifest import Corpus, Facts, FoldScore, Level, LogMel, Protocol, Scores, Spread
from app.core.manifest import Features as FeatureFacts
from app.core.scaler import Scaler
from training.calls import SOUNDS
from training.conditions import TEST_CONDITIONS
from training.corpora import Utterance
from training.cross_validation import Folders, Plan, cross_validate, prepare
from training.dataset import Dataset
from training.encoder.convert import encoder_path
from training.encoder.extractor import ENCODER, N_LAYERS
from training.errors import TrainingError
from training.export import combine, to_onnx, with_encoder
from training.fit import FoldResult
from training.folds import Indices, make_folds, whole
from training.heard_in_calls import hear_calls
from training.models import load_model
from training.report import papers
from training.results import figures

EXPORTS = {
    "best-fold": "highest UAR on its validation parts",
    "all-folds": "all folds, none was chosen",
    "all-data": "trained again on all data, as in the folds",
}
ALL_DATA = "all-data"
LEVELS: dict[frozenset[str], Level] = {
    frozenset({"features"}): "functionals",
    frozenset({"descriptors"}): "descriptors",
    frozenset({"features", "descriptors"}): "functionals and descriptors",
}
N_EXAMPLES = 20
NO_SCALER = Scaler(np.zeros(0), np.ones(0))
"""Of a bundle with an encoder, whose scaler is in the graph."""


@dataclass(frozen=True, slots=True)
class Order:
    """The bundle that is wanted.

    Attributes:
        bundle: where it shall stand; its name is the folder's.
        model: a name in `training.models`.
        export: which folds' networks it shall hold, a name in `EXPORTS`.
        test_conditions: under which the test parts are heard, beside clean.
        calls: in which calls they are heard besides, names in `SOUNDS`.
        leave_corpora_out: whether the card has a table of corpora that did not train.
        overwrite: replace a bundle that stands there.
    """

    bundle: Path
    model: str
    export: str = "best-fold"
    test_conditions: tuple[str, ...] = TEST_CONDITIONS
    calls: tuple[str, ...] = tuple(SOUNDS)
    leave_corpora_out: bool = True
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
    exported = _exported(order, plan, dataset, results, folders.runs)
    unheard = _leave_corpora_out(order, plan, dataset, folders.runs) if order.leave_corpora_out else []
    calls = {
        sound: hear_calls(dataset.utterances, plan.features, folders.cache, sound) for sound in order.calls
    }
    all_figures = figures(order.model, dataset, plan, results, calls, unheard)
    export(order, plan, dataset, exported, results, all_figures)


def _exported(
    order: Order, plan: Plan, dataset: Dataset, results: Sequence[FoldResult], runs: Path
) -> Sequence[FoldResult]:
    """The folds whose networks the bundle holds."""
    if order.export == "best-fold":
        return [max(results, key=lambda result: result.validation_uar)]
    if order.export == "all-folds":
        return results
    fold = whole(dataset.utterances, plan.seed, name=ALL_DATA, number=len(results) + 1)
    return cross_validate(order.model, dataset, [fold], plan, runs)


def _leave_corpora_out(order: Order, plan: Plan, dataset: Dataset, runs: Path) -> Sequence[FoldResult]:
    """The same model on each corpus, trained on the others; nothing if there is one corpus."""
    if len({utterance.corpus for utterance in dataset.utterances}) == 1:
        return []
    own_plan = replace(plan, protocol="leave-one-corpus-out")
    folds = make_folds(dataset.utterances, own_plan.protocol, plan.n_folds, plan.seed)
    return cross_validate(order.model, dataset, folds, own_plan, runs)


def export(
    order: Order,
    plan: Plan,
    dataset: Dataset,
    exported: Sequence[FoldResult],
    results: Sequence[FoldResult],
    all_figures: dict[str, Any],
) -> None:
    """Write the bundle.

    Args:
        order: the bundle that is wanted.
        plan: how the model was tested.
        dataset: that it was trained and tested on.
        exported: the folds whose networks it holds.
        results: of all folds.
        all_figures: of the run.
    """
    of_encoder = plan.features.feature_set == ENCODER
    scaler = NO_SCALER if of_encoder else _mean_scaler(exported)
    network = combine(exported, scaler)
    facts = _facts(order, plan, dataset, exported, _describe_inputs(plan, network), all_figures)
    inputs = [port.name for port in network.inputs]
    examples = _examples(dataset, exported[0].fold.rest[:N_EXAMPLES], None if of_encoder else scaler, inputs)
    content = to_onnx(network, facts, examples)
    if of_encoder:
        content = with_encoder(content, encoder_path(N_LAYERS).read_bytes(), facts)
    write_bundle(
        order.bundle,
        facts,
        scaler,
        content,
        papers(facts, dataset, all_figures, results),
        overwrite=order.overwrite,
    )
    print(f"UAR {_plus_minus(facts.scores.uar)}; {order.bundle} is written", flush=True)


def _mean_scaler(results: Sequence[FoldResult]) -> Scaler:
    """One scaler for all that is exported; the graph goes over to that of each fold."""
    return Scaler(
        np.mean([result.scaler.mean for result in results], axis=0),
        np.exp(np.mean([np.log(result.scaler.scale) for result in results], axis=0)),
    )


def _examples(
    dataset: Dataset, indices: Indices, scaler: Scaler | None, names: Sequence[str]
) -> list[dict[str, NDArray[np.float32]]]:
    """The inputs of some utterances, one at a time, as the service computes them."""
    examples = []
    for index in indices:
        features = dataset.features["clean"][index]
        values = {"features": features.functionals, "descriptors": features.descriptors.astype(np.float32)}
        if scaler:
            functionals, descriptors = scaler.split(features.functionals.size)
            values = {
                "features": functionals.transform(features.functionals),
                "descriptors": descriptors.transform(features.descriptors),
            }
        examples.append({name: values[name][np.newaxis] for name in names})
    return examples


def _facts(
    order: Order,
    plan: Plan,
    dataset: Dataset,
    exported: Sequence[FoldResult],
    inputs: FeatureFacts | LogMel,
    all_figures: dict[str, Any],
) -> Facts:
    """Put together what the bundle says of itself."""
    folds = all_figures["folds"]
    return Facts(
        name=order.bundle.name,
        labels=dataset.labels,
        features=inputs if isinstance(inputs, FeatureFacts) else None,
        log_mel=inputs if isinstance(inputs, LogMel) else None,
        input_shapes=inputs.input_shapes,
        adapts_to_speaker=exported[0].speaker is not None,
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
        # Each fold fits it on a validation part, by networks that did not learn from that part.
        temperature=float(np.exp(np.mean([np.log(fold["temperature"]) for fold in folds]))),
    )


def _describe_inputs(plan: Plan, network: keras.Model) -> FeatureFacts | LogMel:
    """What the bundle says of the inputs of its network."""
    if plan.features.feature_set == ENCODER:
        return LogMel(sampling_rate=SAMPLING_RATE, n_mels=N_MELS, encoder=f"{ENCODER}, {N_LAYERS} layers")
    extractor = FeatureExtractor(plan.features)
    return FeatureFacts(
        feature_set=plan.features.feature_set,
        level=LEVELS[frozenset(port.name for port in network.inputs)],
        sampling_rate=plan.features.sampling_rate,
        n_functionals=len(extractor.functional_names),
        n_descriptors=len(extractor.descriptor_names),
        names_sha256=extractor.names_sha256,
        opensmile_version=OPENSMILE_VERSION,
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
