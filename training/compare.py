"""`python -m training compare`: compare models on the folds of protocols, as tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from app.core.features import FeatureConfig
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.folds import Fold
from training.evaluation.columns import Column, columns
from training.evaluation.comparison import Candidate, Entry, enter
from training.evaluation.cost import extraction_cost, measured
from training.evaluation.cross_validation import cross_validate, prepare
from training.evaluation.fold import FoldResult
from training.evaluation.run import Folders, RunConfig
from training.learning import backend
from training.models import load_model
from training.publish.comparison import write


@dataclass(frozen=True, slots=True)
class Comparison:
    """The settings of a comparison.

    Attributes:
        models: the names of the models in `training.models`, or the paths of model files.
        protocols: the names of the protocols in `PROTOCOLS`.
        feature_sets: the feature sets, each of which is used with every model.
        training_seeds: the seeds of training, each of which trains every model on the same folds.
        output: the folder of the tables.
    """

    models: Sequence[str]
    protocols: Sequence[str]
    feature_sets: Sequence[FeatureConfig]
    training_seeds: Sequence[int]
    output: Path

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that the models train with."""
        return tuple(dict.fromkeys(name for model in self.models for name in load_model(model).conditions))


def compare(
    utterances: Sequence[Utterance],
    comparison: Comparison,
    config: RunConfig,
    folders: Folders,
    *,
    skip_undecodable: bool = False,
) -> None:
    """Cross-validate models, and write the tables after each model.

    All features are extracted and all folds are cut before the first model trains.

    Args:
        utterances: the utterances with their corpora's own labels.
        comparison: the settings of the comparison.
        config: the settings of the cross-validation; the comparison replaces features, protocol and the seed
            of training.
        folders: the folders of caches.
        skip_undecodable: skip recordings that cannot be analyzed.

    Raises:
        TrainingError: the labels, the recordings or the folds do not permit the run.
    """
    backend.make_deterministic()
    models, feature_sets, seeds = comparison.models, comparison.feature_sets, comparison.training_seeds
    tests = [
        _of_all_features(test, comparison, config, folders, skip_undecodable=skip_undecodable)
        for test in columns(utterances, comparison.protocols)
    ]
    extraction: dict[str, float] = {}
    corpora = list(dict.fromkeys(utterance.corpus for utterance in utterances))
    entries: list[Entry] = []
    report = ""
    with tqdm(total=len(tests) * len(feature_sets) * len(models), desc="comparing") as bar:
        for test in tests:
            for features in feature_sets:
                own = replace(config, features=features, protocol=test.protocol)
                dataset, folds = prepare(test.utterances, own, folders.cache, comparison.conditions)
                if features.feature_set not in extraction:
                    clips = [dataset.utterances[place] for place in measured(len(dataset.utterances))]
                    extraction[features.feature_set] = extraction_cost(clips, features)
                for model in models:
                    bar.set_postfix_str(f"{model}, {features.feature_set}, {test.title}")
                    results = _train(model, dataset, folds, own, seeds, folders.runs)
                    candidate = Candidate(model, features.feature_set)
                    entries.append(
                        enter(candidate, test.title, results, dataset, n_seeds=len(seeds), seed=config.seed)
                    )
                    report = write(entries, extraction, corpora, comparison.output)
                    bar.update()
    print(report)


def _of_all_features(
    test: Column, comparison: Comparison, config: RunConfig, folders: Folders, *, skip_undecodable: bool
) -> Column:
    """Extract all features. Keep the utterances that all feature sets can use, so that models compare."""
    usable = list(test.utterances)
    for features in comparison.feature_sets:
        own = replace(config, features=features, protocol=test.protocol)
        dataset, _ = prepare(
            usable, own, folders.cache, comparison.conditions, skip_undecodable=skip_undecodable
        )
        paths = {utterance.path for utterance in dataset.utterances}
        usable = [utterance for utterance in usable if utterance.path in paths]
    return replace(test, utterances=usable)


def _train(
    model: str,
    dataset: Dataset,
    folds: Sequence[Fold],
    config: RunConfig,
    seeds: Sequence[int],
    runs: Path,
) -> list[list[FoldResult]]:
    """Train a model with every seed on the same folds; once if the seed changes nothing."""
    if not load_model(model).random:
        seeds = seeds[:1]
    return [
        cross_validate(model, dataset, folds, replace(config, training_seed=seed), runs) for seed in seeds
    ]
