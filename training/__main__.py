"""`python -m training`: run a subcommand."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.core.errors import SpeechEmotionError
from app.core.features import FeatureConfig
from app.core.manifest import NAME
from training.command_line import parse
from training.data.corpora import READERS, Utterance, shemo
from training.data.dask_engine import engine
from training.data.features import extract
from training.encoder.convert import convert
from training.encoder.speaker_encoder import convert_speaker_encoder
from training.encoder.speech_detector import convert_speech_detector
from training.errors import TrainingError
from training.voices import train_voices

INTERRUPTED = 130
FROM_THE_START = frozenset({"speaker-encoder", "speech-detector"})
"""The subcommands that keep nothing of an interrupted run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        arguments: the arguments of the command line; None uses those of the process.

    Returns:
        The exit status: 0 after success, 1 after an error, which stderr explains, and 130 after Ctrl-C.
    """
    options = parse(arguments)
    try:
        VERBS[options.verb](options)
    except (SpeechEmotionError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        goal = "start again" if options.verb in FROM_THE_START else "resume"
        print(f"\ninterrupted; run the same command again to {goal}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _utterances(options: argparse.Namespace) -> list[Utterance]:
    """Read every corpus."""
    readers = READERS | {"shemo": partial(shemo.read, labels=options.shemo_labels)}
    utterances = [utterance for kind, path in options.corpus for utterance in readers[kind](path)]
    if len({utterance.path.resolve() for utterance in utterances}) < len(utterances):
        raise TrainingError("a recording is listed twice: is a corpus given twice?")
    return utterances


def _encoder(options: argparse.Namespace) -> None:
    """Convert the speech encoder."""
    convert(options.weights, options.layers, options.audio, options.output, options.sha256)


def _speaker_encoder(options: argparse.Namespace) -> None:
    """Convert the encoder of voices, and train it further if there is speech."""
    train = partial(train_voices, utterances=_utterances(options)) if options.corpus else None
    convert_speaker_encoder(options.checkpoint, options.output, train)


def _speech_detector(options: argparse.Namespace) -> None:
    """Convert the speech detector."""
    convert_speech_detector(options.source, options.output)


def _extract(options: argparse.Namespace) -> None:
    """Fill the feature cache."""
    # The workers of a cluster run in other folders, so the paths must be absolute.
    utterances = [replace(one, path=one.path.absolute()) for one in _utterances(options)]
    with engine(options.engine):
        extract(
            utterances,
            FeatureConfig(options.features),
            options.cache.absolute(),
            conditions=options.conditions,
            skip_undecodable=options.skip_undecodable,
        )


def _train(options: argparse.Namespace) -> None:
    """Train, cross-validate and export a model."""
    bundle = _new_bundle(options)  # before TensorFlow, which takes seconds to load
    _quieten_tensorflow()
    from training.evaluation.cross_validation import Folders, RunConfig  # noqa: PLC0415
    from training.train import BundleOptions, train  # noqa: PLC0415

    train(
        _utterances(options),
        BundleOptions(
            bundle,
            options.model,
            options.export,
            tuple(options.test_conditions),
            tuple(options.calls),
            not options.no_unheard_corpora,
            options.overwrite,
        ),
        RunConfig(
            FeatureConfig(options.features),
            options.protocol,
            options.folds,
            options.seed,
            options.max_epochs,
        ),
        Folders(options.cache, options.runs),
        skip_undecodable=options.skip_undecodable,
    )


def _compare(options: argparse.Namespace) -> None:
    """Cross-validate several models on the same folds."""
    _quieten_tensorflow()
    from training.compare import Comparison, compare  # noqa: PLC0415
    from training.evaluation.cross_validation import Folders, RunConfig  # noqa: PLC0415

    sets = [FeatureConfig(name) for name in options.features]
    compare(
        _utterances(options),
        Comparison(options.model, options.protocol, sets, options.output),
        RunConfig(sets[0], n_folds=options.folds, seed=options.seed, max_epochs=options.max_epochs),
        Folders(options.cache, options.runs),
        skip_undecodable=options.skip_undecodable,
    )


def _evaluate(options: argparse.Namespace) -> None:
    """Score a bundle on labeled recordings."""
    from training.evaluate import REPORT, Evaluation, evaluate  # noqa: PLC0415

    evaluate(
        _utterances(options),
        Evaluation(options.bundle, options.output, tuple(options.conditions), tuple(options.calls)),
        skip_undecodable=options.skip_undecodable,
    )
    print((options.output / REPORT).read_text(encoding="utf-8"))


def _adapt(options: argparse.Namespace) -> None:
    """Adapt a bundle to unlabeled recordings."""
    from training.adapt import adapt  # noqa: PLC0415

    adapt(
        options.bundle,
        options.audio,
        _new_bundle(options),
        options.cache,
        overwrite=options.overwrite,
        skip_undecodable=options.skip_undecodable,
    )


def _finetune(options: argparse.Namespace) -> None:
    """Fine-tune a bundle to labeled utterances, or show what a fine-tuning would use."""
    from training.finetune import FineTuningOptions, describe, finetune  # noqa: PLC0415

    bundle = _new_bundle(options)
    if options.dry_run:
        print(describe(_utterances(options), options.bundle))
        return
    finetune(
        _utterances(options),
        FineTuningOptions(
            options.bundle,
            bundle,
            options.cache,
            options.overwrite,
            options.skip_undecodable,
            options.even_if_not_better,
        ),
    )


def _redraw(options: argparse.Namespace) -> None:
    """Write the model card and the pictures of a bundle again."""
    from training.redraw import redraw  # noqa: PLC0415

    redraw(options.bundle, _utterances(options), options.run)


def _new_bundle(options: argparse.Namespace) -> Path:
    """Return the path of the new bundle. Raise before the training if the path cannot be used."""
    if not re.fullmatch(NAME, options.name):
        raise TrainingError(f"{options.name!r} cannot name a bundle: use a-z, 0-9, '.', '_' and '-'")
    bundle: Path = options.models / options.name
    if bundle.exists() and not options.overwrite:
        raise TrainingError(f"{bundle} already exists; choose another --name, or replace it with --overwrite")
    return bundle


def _quieten_tensorflow() -> None:
    """Suppress the log lines of TensorFlow. Its errors are raised as exceptions."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


VERBS = {
    "encoder": _encoder,
    "speaker-encoder": _speaker_encoder,
    "speech-detector": _speech_detector,
    "extract": _extract,
    "train": _train,
    "compare": _compare,
    "evaluate": _evaluate,
    "adapt": _adapt,
    "finetune": _finetune,
    "redraw": _redraw,
}


if __name__ == "__main__":
    sys.exit(main())
