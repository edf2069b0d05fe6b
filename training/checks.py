"""Checks of a command that need no work, so that a command that cannot succeed fails at once.

The command line checks each option on its own. This module checks options together, and the folders that the
command will write. The checks of a model come last, because TensorFlow takes seconds to load.
"""

import argparse
import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from app.core.manifest import NAME
from training.data.corpora import Utterance
from training.data.folds import make_folds, whole
from training.data.labels import label
from training.errors import TrainingError
from training.evaluation.columns import columns
from training.evaluation.run import mapping_of_protocol
from training.models import check_features, load_model

BACKENDS = {"tensorflow": "requirements/training.txt", "torch": "requirements/training-gpu.txt"}
"""The backends of Keras that can train, and the file that installs each of them."""


def check(options: argparse.Namespace) -> None:
    """Check the options of a subcommand, and the folders that it will write.

    Args:
        options: the options of the command line.

    Raises:
        TrainingError: options contradict each other, a bundle of this name exists, a folder cannot be
            written, or a model cannot be used.
    """
    _check_corpora(options)
    if "overwrite" in options:
        _check_bundle(options)
    for folder in ("cache", "runs", "models", "output"):
        if folder in options:
            check_writable(getattr(options, folder))
    if options.verb == "redraw":
        check_writable(options.bundle.parent)
    if options.verb == "explain":
        _check_explanation(options)
    if options.verb in ("train", "compare"):
        _check_backend(exports=options.verb == "train")
    if options.verb == "train":
        _check_export(options.model, options.features, options.export)
    if options.verb == "compare":
        _check_candidates(options)


def check_writable(folder: Path) -> None:
    """Raise if a folder can neither be written nor created.

    Raises:
        TrainingError: a file has this path, or the permissions forbid it; the message names both.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise TrainingError(f"{folder}: cannot be written: {existing} is not a folder; choose another folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise TrainingError(
            f"{folder}: cannot be written: no permission for {existing}; change it, or choose another folder"
        )


def check_folds(options: argparse.Namespace, utterances: Sequence[Utterance]) -> None:
    """Check that the folds of `train` or `compare` can be cut, those that a run needs last among them.

    Args:
        options: the options of the command line.
        utterances: the utterances with their corpora's own labels.

    Raises:
        TrainingError: the labels or the speakers do not permit the folds, or there is no test.
    """
    if options.verb == "compare":
        tests = list(columns(utterances, options.protocol))
        if not tests:
            raise TrainingError(
                "no corpus has published folds: test_fold is empty in every row; name another --protocol"
            )
        for test in tests:
            advice = "To leave out this test, name others with --protocol"
            _cut(test.utterances, test.protocol, options, f"{test.title}: ", advice)
        return
    _cut(utterances, options.protocol, options)
    labeled, _ = label(utterances, mapping_of_protocol(options.protocol, options.labels))
    if options.export == "all-data":
        whole(labeled, options.seed, name=options.export, number=0)
    if not options.no_unheard_corpora and len({one.corpus for one in labeled}) > 1:
        what, advice = (
            "the tests on corpora that did not train: ",
            "To skip these tests, use --no-unheard-corpora",
        )
        _cut(utterances, "leave-one-corpus-out", options, what, advice)


def _cut(
    utterances: Sequence[Utterance],
    protocol: str,
    options: argparse.Namespace,
    what: str = "",
    advice: str = "",
) -> None:
    """Cut folds, and say in the error for what they are and how to do without them."""
    labeled, _ = label(utterances, mapping_of_protocol(protocol, options.labels))
    try:
        make_folds(labeled, protocol, options.folds, options.seed)
    except TrainingError as error:
        raise TrainingError(f"{what}{error}" + (f". {advice}" if advice else "")) from error


def _check_corpora(options: argparse.Namespace) -> None:
    """Raise if there are labels of ShEMO without ShEMO."""
    kinds = {kind for kind, _ in getattr(options, "corpus", None) or ()}
    if getattr(options, "shemo_labels", None) and "shemo" not in kinds:
        raise TrainingError("--shemo-labels needs ShEMO: give --corpus shemo=FOLDER, or leave the option out")


def _check_bundle(options: argparse.Namespace) -> None:
    """Raise if the name or the folder of the new bundle cannot be used."""
    if not re.fullmatch(NAME, options.name):
        raise TrainingError(f"{options.name!r} cannot name a bundle: use a-z, 0-9, '.', '_' and '-'")
    bundle: Path = options.models / options.name
    if bundle.exists() and not options.overwrite:
        raise TrainingError(f"{bundle} already exists; choose another --name, or replace it with --overwrite")


def _check_explanation(options: argparse.Namespace) -> None:
    """Raise if there is nothing to explain, or if the bundle or the recording does not exist."""
    if not options.corpus and not options.recording:
        raise TrainingError("there is nothing to explain: give --recording, --corpus or both")
    if not options.bundle.is_dir():
        raise TrainingError(f"{options.bundle}: there is no such folder; name the folder of a bundle")
    if options.recording and not options.recording.is_file():
        raise TrainingError(f"{options.recording}: there is no such file; name one recording")
    if options.hop > options.window:
        raise TrainingError(
            f"--hop {options.hop} is longer than --window {options.window}, so that moments would never be "
            "hidden; give a shorter --hop"
        )


def _check_backend(*, exports: bool) -> None:
    """Raise if Keras cannot train with the chosen backend, or if a needed backend is not installed."""
    chosen = os.environ.get("KERAS_BACKEND", "tensorflow")
    if chosen not in BACKENDS:
        raise TrainingError(
            f"KERAS_BACKEND={chosen}: only {' and '.join(BACKENDS)} can train; unset the variable to train "
            "with TensorFlow, or set KERAS_BACKEND=torch to train on a GPU"
        )
    for name in {chosen, "tensorflow"} if exports else {chosen}:
        if find_spec(name) is None:
            reason = "" if name == chosen else ", which the export needs,"
            raise TrainingError(f"{name}{reason} is not installed: install {BACKENDS[name]}")


def _check_export(model: str, feature_set: str, export: str) -> None:
    """Raise if a bundle cannot contain the model."""
    loaded = load_model(model)
    if not loaded.exportable:
        raise TrainingError(
            f"{model} is a baseline: it can be compared, not exported. Choose another --model"
        )
    check_features(model, feature_set)
    if export == "all-folds" and loaded.search:
        raise TrainingError(
            f"{model} searches on each fold, so its bundle contains one fold or all data: give "
            "--export all-data"
        )
    if export == "all-folds" and loaded.needs_encoder:
        raise TrainingError(
            f"{model} adapts to speakers, so its bundle contains one fold or all data: give --export all-data"
        )


def _check_candidates(options: argparse.Namespace) -> None:
    """Raise if there are no two different candidates, or if a model cannot use a feature set."""
    for option in ("model", "features", "protocol", "training_seeds"):
        names = getattr(options, option) or []
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise TrainingError(f"--{option.replace('_', '-')}: {', '.join(twice)} is given twice")
    if len(options.model) * len(options.features) == 1:
        raise TrainingError(
            f"{options.model[0]} alone has nothing to be compared with: name a second --model or a second "
            "--features"
        )
    for model in options.model:
        for feature_set in options.features:
            check_features(model, feature_set)
