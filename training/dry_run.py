"""The option `--dry-run`: print what a subcommand would do, and what its caches contain. It writes nothing.

The plan of networks takes seconds, because their modules load TensorFlow. It trains and extracts nothing.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.core.bundle import read_bundle
from app.core.features import FeatureConfig
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.features import look_up
from training.data.folds import Fold, Indices, make_folds, whole
from training.data.labels import label, label_for
from training.evaluation.columns import columns
from training.evaluation.run import RESULT, RunConfig, fold_folder, run_folder
from training.models import Model, load_model

UNKNOWN = "unknown until the features are extracted, since recordings may be skipped"


def plan_extraction(utterances: Sequence[Utterance], options: argparse.Namespace) -> None:
    """Print the plan of `extract`: the utterances, and what the cache contains.

    Args:
        utterances: the utterances with their corpora's own labels.
        options: the options of the command line.
    """
    print(f"Utterances, with the labels of the corpora:\n{_table_of_labels(utterances)}\n")
    config = FeatureConfig(options.features)
    _, found = look_up(utterances, config, options.cache, conditions=options.conditions)
    print(f"{_text_of_cache(found, len(utterances), config, options.cache)}")


def plan_training(utterances: Sequence[Utterance], options: argparse.Namespace, config: RunConfig) -> None:
    """Print the plan of `train`: the utterances, the folds, and what the caches contain.

    Args:
        utterances: the utterances with their corpora's own labels.
        options: the options of the command line.
        config: the settings of the cross-validation.
    """
    model = load_model(options.model)
    conditions = tuple(dict.fromkeys((*model.conditions, *options.test_conditions)))
    bundle = options.models / options.name
    print(
        f"Train {options.model} on {options.features}, seed {options.seed}.\n"
        f"Bundle: {bundle}, {'replaced' if bundle.exists() else 'new'}; networks: {options.export}.\n"
        f"{_text_of_search(model)}"
        f"Conditions of training: {', '.join(model.conditions)}.\n"
        f"Conditions of the test parts: {', '.join(('clean', *options.test_conditions))}; "
        f"simulated calls: {', '.join(options.calls) or 'none'}.\n"
    )
    labeled, labels = label(utterances, config.mapping)
    folds = make_folds(labeled, config.protocol, config.n_folds, config.seed)
    print(f"{_table_of_labels(labeled)}\n\n{_table_of_folds(labeled, folds)}\n")
    dataset, is_certain = _look_up(labeled, labels, config.features, conditions, options)
    runs = [("folds", config, folds)]
    if options.export == "all-data":
        runs.append(
            (
                "training on all data",
                config,
                [whole(labeled, config.seed, name=options.export, number=len(folds) + 1)],
            )
        )
    if not options.no_unheard_corpora and len({one.corpus for one in labeled}) > 1:
        apart = replace(config, protocol="leave-one-corpus-out")
        others = make_folds(labeled, apart.protocol, apart.n_folds, apart.seed)
        runs.append(("corpora that are left out", apart, others))
    for title, own, of_run in runs:
        complete = _complete(options.model, dataset, of_run, own, options.runs)
        print(f"Complete {title}: {complete if is_certain else UNKNOWN}.")


def _text_of_search(model: Model) -> str:
    """Return the line about the search of hyperparameters; empty without a search."""
    if model.search is None:
        return ""
    return f"Search on each fold: {model.search.n_trials} trials, {', '.join(model.search.space)}.\n"


def plan_comparison(utterances: Sequence[Utterance], options: argparse.Namespace, config: RunConfig) -> None:
    """Print the plan of `compare`: for each test the utterances, the folds, and what the caches contain.

    Args:
        utterances: the utterances with their corpora's own labels.
        options: the options of the command line.
        config: the settings of the cross-validation.
    """
    seeds = options.training_seeds or [options.seed]
    print(
        f"Compare {', '.join(options.model)} on {', '.join(options.features)}.\n"
        f"Seed of the folds: {options.seed}; seeds of training: {', '.join(map(str, seeds))}.\n"
        f"Output: {_state(options.output)}."
    )
    conditions = tuple(dict.fromkeys(name for one in options.model for name in load_model(one).conditions))
    for test in columns(utterances, options.protocol):
        labeled, labels = label(test.utterances, replace(config, protocol=test.protocol).mapping)
        folds = make_folds(labeled, test.protocol, config.n_folds, config.seed)
        print(f"\n# {test.title}\n\n{_table_of_labels(labeled)}\n\n{_table_of_folds(labeled, folds)}\n")
        for name in options.features:
            own = replace(config, features=FeatureConfig(name), protocol=test.protocol)
            dataset, is_certain = _look_up(labeled, labels, own.features, conditions, options)
            for model in options.model:
                for seed in seeds if load_model(model).random else seeds[:1]:
                    seeded = replace(own, training_seed=seed)
                    complete = _complete(model, dataset, folds, seeded, options.runs)
                    print(
                        f"Complete folds of {model}, {name}, training seed {seed}: "
                        f"{complete if is_certain else UNKNOWN}."
                    )


def plan_evaluation(utterances: Sequence[Utterance], options: argparse.Namespace) -> None:
    """Print the plan of `evaluate`: the utterances with the labels of the bundle, and what is measured.

    Args:
        utterances: the utterances with their corpora's own labels.
        options: the options of the command line.

    Raises:
        TrainingError: no utterance has a label of the bundle.
        BundleError: the bundle is damaged.
    """
    manifest = read_bundle(options.bundle).manifest
    kept = label_for(utterances, manifest)
    print(
        f"Evaluate {manifest.name}. Output: {_state(options.output)}.\n"
        f"Conditions: {', '.join(options.conditions)}.\n"
        f"Simulated calls: {', '.join(options.calls) or 'none'}.\n"
        f"{len(utterances) - len(kept)} of {len(utterances)} utterances are left out: the bundle lacks their "
        f"labels.\n\n{_table_of_labels(kept)}"
    )


def plan_description(utterances: Sequence[Utterance], options: argparse.Namespace) -> None:
    """Print the plan of `describe`: the utterances, and the folders.

    Args:
        utterances: the utterances with their corpora's own labels.
        options: the options of the command line.
    """
    print(
        f"Describe {len(utterances)} utterances. Output: {_state(options.output)}. Facts of recordings: "
        f"{options.cache}.\n\n{_table_of_labels(utterances)}"
    )


def _state(output: Path) -> str:
    """Return a folder, and whether it exists."""
    return f"{output}, {'whose files are replaced' if output.exists() else 'new'}"


def _look_up(
    utterances: Sequence[Utterance],
    labels: tuple[str, ...],
    features: FeatureConfig,
    conditions: Sequence[str],
    options: argparse.Namespace,
) -> tuple[Dataset, bool]:
    """Print what the feature cache contains. Return the data, and whether no recording will be skipped."""
    extracted, found = look_up(utterances, features, options.cache, conditions=conditions)
    print(_text_of_cache(found, len(utterances), features, options.cache))
    targets = np.array([labels.index(utterance.emotion) for utterance in utterances])
    is_certain = not options.skip_undecodable or min(found.values()) == len(utterances)
    return Dataset(extracted, labels, targets), is_certain


def _complete(name: str, dataset: Dataset, folds: Sequence[Fold], config: RunConfig, runs: Path) -> str:
    """Return how many folds of a run are complete."""
    folder = run_folder(name, dataset, folds, config, runs)
    complete = sum((fold_folder(folder, fold) / RESULT).is_file() for fold in folds)
    return f"{complete} of {len(folds)}" + (f" in {folder}" if complete else "")


def _text_of_cache(found: dict[str, int], n: int, features: FeatureConfig, cache: Path) -> str:
    """Return how many utterances the cache has under each condition."""
    lines = [f"Features {features.feature_set} in {cache}:"]
    lines += [f"  {condition}: {n_found} of {n} utterances" for condition, n_found in found.items()]
    return "\n".join(lines)


def _table_of_labels(utterances: Sequence[Utterance]) -> str:
    """Return the number of utterances by corpus and label, and the number of speakers."""
    labels = list(dict.fromkeys(sorted(utterance.emotion for utterance in utterances)))
    corpora = dict.fromkeys(utterance.corpus for utterance in utterances)
    rows = [["corpus", *labels, "all", "speakers"]]
    for corpus in corpora:
        members = [utterance for utterance in utterances if utterance.corpus == corpus]
        counts = Counter(utterance.emotion for utterance in members)
        n_speakers = len({utterance.speaker for utterance in members})
        rows.append([corpus, *(str(counts[one]) for one in labels), str(len(members)), str(n_speakers)])
    return _table(rows)


def _table_of_folds(utterances: Sequence[Utterance], folds: Sequence[Fold]) -> str:
    """Return the number of utterances and of speakers of each part of each fold."""

    def texts(part: Indices) -> list[str]:
        return [str(len(part)), str(len({utterances[index].speaker for index in part}))]

    rows = [["fold", "training", "speakers", "validation", "speakers", "test", "speakers"]]
    rows += [[fold.name, *texts(fold.train), *texts(fold.validation), *texts(fold.test)] for fold in folds]
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text, the first column aligned to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        [
            row[0].ljust(widths[0]),
            *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)),
        ]
        for row in rows
    ]
    return "\n".join("  ".join(line) for line in lines)
