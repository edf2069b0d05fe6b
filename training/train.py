"""`python -m training train`: train, cross-validate and export a bundle."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.core.bundle import OPENSMILE_VERSION, write_bundle
from app.core.features import FeatureExtractor
from app.core.log_mel import N_MELS, SAMPLING_RATE
from app.core.manifest import Corpus, Facts, FoldScore, Level, LogMel, Protocol, Scores, Spread
from app.core.manifest import Features as FeatureFacts
from app.core.scaler import Scaler
from training.data.call_builder import SOUNDS
from training.data.conditions import TEST_CONDITIONS
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.folds import Indices, make_folds, whole
from training.data.scaling import identity_scaler
from training.encoder.convert import encoder_path
from training.encoder.extractor import ENCODER, N_LAYERS
from training.errors import TrainingError
from training.evaluation.call_segments import extract_calls
from training.evaluation.cross_validation import cross_validate, prepare
from training.evaluation.figures import Figures
from training.evaluation.fold import FoldResult
from training.evaluation.results import figures
from training.evaluation.run import Folders, RunConfig
from training.learning import backend
from training.models import base_of, load_model
from training.publish.artifacts import artifacts
from training.publish.templates import plus_minus

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
"""The number of utterances that compare ONNX with Keras. Not tuned."""


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """The settings of a new bundle.

    Attributes:
        bundle: the folder of the bundle, whose name is the name of the bundle.
        model: the name of the model in `training.models`, or the path of a model file.
        export: the source of the networks, a name in `EXPORTS`.
        test_conditions: the conditions of the test parts beside `clean`.
        calls: the kinds of simulated calls of the test parts, names in `SOUNDS`.
        leave_corpora_out: True adds tests on corpora that did not train.
        overwrite: True replaces an existing bundle.
    """

    bundle: Path
    model: str
    export: str = "best-fold"
    test_conditions: tuple[str, ...] = tuple(TEST_CONDITIONS)
    calls: tuple[str, ...] = tuple(SOUNDS)
    leave_corpora_out: bool = True
    overwrite: bool = False


def train(
    utterances: Sequence[Utterance],
    options: BundleOptions,
    config: RunConfig,
    folders: Folders,
    *,
    skip_undecodable: bool = False,
) -> None:
    """Train, cross-validate and export a model.

    Args:
        utterances: the utterances with their corpora's own labels.
        options: the settings of the bundle.
        config: the settings of the cross-validation.
        folders: the folders of caches.
        skip_undecodable: skip recordings that cannot be analyzed.

    Raises:
        TrainingError: the labels, the recordings, the folds or the model do not permit the run.
    """
    backend.make_deterministic()
    conditions = tuple(dict.fromkeys((*load_model(options.model).conditions, *options.test_conditions)))
    dataset, folds = prepare(utterances, config, folders.cache, conditions, skip_undecodable=skip_undecodable)
    results = cross_validate(options.model, dataset, folds, config, folders.runs)
    if not results[0].members:
        raise TrainingError(
            f"{options.model} is a baseline: it can be compared, not exported. Choose another --model"
        )
    exported = _exported(options, config, dataset, results, folders.runs)
    unheard = _leave_corpora_out(options, config, dataset, folders.runs) if options.leave_corpora_out else []
    backend.continue_with_tensorflow("all folds are trained; TensorFlow exports the bundle")
    calls = {
        sound: extract_calls(dataset.utterances, config.features, folders.cache, sound)
        for sound in options.calls
    }
    all_figures = figures(options.model, dataset, config, results, calls, unheard)
    export(options, config, dataset, exported, results, all_figures)


def _exported(
    options: BundleOptions, config: RunConfig, dataset: Dataset, results: Sequence[FoldResult], runs: Path
) -> Sequence[FoldResult]:
    """Return the folds whose networks the bundle contains."""
    if options.export == "best-fold":
        return [max(results, key=lambda result: result.validation_uar)]
    if options.export == "all-folds":
        return results
    fold = whole(dataset.utterances, config.seed, name=ALL_DATA, number=len(results) + 1)
    return cross_validate(options.model, dataset, [fold], config, runs)


def _leave_corpora_out(
    options: BundleOptions, config: RunConfig, dataset: Dataset, runs: Path
) -> Sequence[FoldResult]:
    """Test the model on each corpus after training on the others. Return nothing for a single corpus."""
    if len({utterance.corpus for utterance in dataset.utterances}) == 1:
        return []
    own_plan = replace(config, protocol="leave-one-corpus-out")
    folds = make_folds(dataset.utterances, own_plan.protocol, config.n_folds, config.seed)
    return cross_validate(options.model, dataset, folds, own_plan, runs)


def export(
    options: BundleOptions,
    config: RunConfig,
    dataset: Dataset,
    exported: Sequence[FoldResult],
    results: Sequence[FoldResult],
    all_figures: Figures,
) -> None:
    """Write the bundle.

    Args:
        options: the settings of the bundle.
        config: the settings of the cross-validation.
        dataset: the data that trained and tested the model.
        exported: the folds whose networks the bundle contains.
        results: the results of all folds.
        all_figures: the figures of the run.
    """
    from training.publish.export import combine, to_onnx, with_encoder  # noqa: PLC0415  # imports TensorFlow

    of_encoder = config.features.feature_set == ENCODER
    # The outputs of the encoder are inside the graph, where no scaler of a bundle can standardize them.
    input_scaler = identity_scaler(exported[0].scaler.mean.size) if of_encoder else _mean_scaler(exported)
    network = combine(exported, input_scaler)
    facts = _facts(options, config, dataset, exported, _describe_inputs(config, network), all_figures)
    inputs = [port.name for port in network.inputs]
    examples = _examples(dataset, exported[0].fold.rest[:N_EXAMPLES], input_scaler, inputs)
    content = to_onnx(network, facts, examples)
    if of_encoder:
        content = with_encoder(content, encoder_path(N_LAYERS).read_bytes(), facts)
    write_bundle(
        options.bundle,
        facts,
        identity_scaler(0) if of_encoder else input_scaler,
        content,
        artifacts(facts, dataset.utterances, all_figures, results),
        overwrite=options.overwrite,
    )
    print(
        f"UAR {plus_minus(facts.scores.uar.mean, facts.scores.uar.sd)}; wrote {options.bundle}",
        flush=True,
    )


def _mean_scaler(results: Sequence[FoldResult]) -> Scaler:
    """Return the mean scaler of the exported folds. The graph converts to the scale of each fold."""
    return Scaler(
        np.mean([result.scaler.mean for result in results], axis=0),
        np.exp(np.mean([np.log(result.scaler.scale) for result in results], axis=0)),
    )


def _examples(
    dataset: Dataset, indices: Indices, scaler: Scaler, names: Sequence[str]
) -> list[dict[str, NDArray[np.float32]]]:
    """Return the inputs of some utterances, one at a time, as the service computes them."""
    examples = []
    for index in indices:
        features = dataset.features["clean"][index]
        functionals, descriptors = scaler.split(features.functionals.size)
        values = {
            "features": functionals.transform(features.functionals),
            "descriptors": descriptors.transform(features.descriptors),
        }
        examples.append({name: values[name][np.newaxis] for name in names})
    return examples


def _facts(
    options: BundleOptions,
    config: RunConfig,
    dataset: Dataset,
    exported: Sequence[FoldResult],
    inputs: FeatureFacts | LogMel,
    all_figures: Figures,
) -> Facts:
    """Return the facts of the bundle."""
    folds = all_figures.folds
    return Facts(
        name=options.bundle.name,
        labels=dataset.labels,
        label_mapping=config.mapping,
        features=inputs if isinstance(inputs, FeatureFacts) else None,
        log_mel=inputs if isinstance(inputs, LogMel) else None,
        input_shapes=inputs.input_shapes,
        adapts_to_speaker=exported[0].speaker is not None,
        protocol=Protocol(
            name=config.protocol, n_folds=len(folds), seed=config.seed, corpora=_corpora(dataset.utterances)
        ),
        scores=Scores(
            uar=Spread(mean=all_figures.uar.mean, sd=all_figures.uar.sd),
            uar_interval=all_figures.uar.interval_95,
            accuracy=Spread(**asdict(all_figures.accuracy)),
            calibration_error=all_figures.calibration_error.after,
            uncalibrated_error=all_figures.calibration_error.before,
            folds=tuple(
                FoldScore(
                    fold=fold.fold,
                    uar=fold.uar,
                    accuracy=fold.accuracy,
                    validation_uar=fold.validation_uar,
                )
                for fold in folds
            ),
        ),
        model=base_of(options.model),
        hyperparameters={name: dict(table) for name, table in exported[0].hyperparameters.items()},
        search=load_model(options.model).search,
        chosen_folds=tuple(result.fold.name for result in exported),
        chosen_by=EXPORTS[options.export],
        # Each of them was fitted on probabilities of utterances that did not train the networks.
        temperature=float(np.exp(np.mean([np.log(fold.temperature) for fold in folds]))),
    )


def _describe_inputs(config: RunConfig, network: keras.Model) -> FeatureFacts | LogMel:
    """Return the description of the network's inputs."""
    if config.features.feature_set == ENCODER:
        return LogMel(sampling_rate=SAMPLING_RATE, n_mels=N_MELS, encoder=f"{ENCODER}, {N_LAYERS} layers")
    extractor = FeatureExtractor(config.features)
    return FeatureFacts(
        feature_set=config.features.feature_set,
        level=LEVELS[frozenset(port.name for port in network.inputs)],
        sampling_rate=config.features.sampling_rate,
        n_functionals=len(extractor.functional_names),
        n_descriptors=len(extractor.descriptor_names),
        names_sha256=extractor.names_sha256,
        opensmile_version=OPENSMILE_VERSION,
    )


def _corpora(utterances: Sequence[Utterance]) -> tuple[Corpus, ...]:
    """Return the numbers of utterances and speakers of every corpus."""
    corpora = []
    for name in dict.fromkeys(utterance.corpus for utterance in utterances):
        speakers = [utterance.speaker for utterance in utterances if utterance.corpus == name]
        corpora.append(Corpus(name=name, n_utterances=len(speakers), n_speakers=len(set(speakers))))
    return tuple(corpora)
