"""`python -m training`: run a subcommand."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from app.core.errors import SpeechEmotionError
from app.core.features import FeatureConfig
from training import dry_run
from training.checks import check, check_folds
from training.command_line import parse
from training.corpora import details, read, table
from training.data.dask_engine import engine
from training.data.features import extract
from training.data.labels import FIVE_EMOTIONS
from training.encoder.convert import convert
from training.encoder.speaker_encoder import convert_speaker_encoder
from training.encoder.speech_detector import convert_speech_detector
from training.errors import TrainingError
from training.evaluation.run import Folders, RunConfig
from training.models import base_of, load_model
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
        _prepare_keras()  # before the first import of a network
        check(options)
        VERBS[options.verb](options)
        if getattr(options, "dry_run", False):
            print("\nDry run: nothing was written.")
    except (SpeechEmotionError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        goal = "start again" if options.verb in FROM_THE_START else "resume"
        print(f"\ninterrupted; run the same command again to {goal}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _corpora(options: argparse.Namespace) -> None:
    """Print the table of corpora, or the facts of one."""
    print(details(options.name) if options.name else table())


def _hyperparameters(options: argparse.Namespace) -> None:
    """Print the hyperparameters of a model."""
    from training.learning.model_file import to_toml  # noqa: PLC0415

    model = load_model(options.model)
    if not model.hyperparameters:
        raise TrainingError(f"{options.model} has no hyperparameters: it tunes its own settings on each fold")
    print(to_toml(base_of(options.model), model.hyperparameters))


def _encoder(options: argparse.Namespace) -> None:
    """Convert the speech encoder."""
    convert(options.weights, options.layers, options.audio, options.output, options.sha256)


def _speaker_encoder(options: argparse.Namespace) -> None:
    """Convert the encoder of voices, and train it further if there is speech."""
    train = partial(train_voices, utterances=read(options)) if options.corpus else None
    convert_speaker_encoder(options.checkpoint, options.output, train)


def _speech_detector(options: argparse.Namespace) -> None:
    """Convert the speech detector."""
    convert_speech_detector(options.source, options.output)


def _extract(options: argparse.Namespace) -> None:
    """Fill the feature cache."""
    if options.dry_run:
        dry_run.plan_extraction(read(options), options)
        return
    # The workers of a cluster run in other folders, so the paths must be absolute.
    utterances = [replace(one, path=one.path.absolute()) for one in read(options)]
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
    utterances = read(options)
    check_folds(options, utterances)
    if options.dry_run:
        dry_run.plan_training(utterances, options, _run_config(options))
        return
    from training.train import BundleOptions, train  # noqa: PLC0415

    train(
        utterances,
        BundleOptions(
            options.models / options.name,
            options.model,
            options.export,
            tuple(options.test_conditions),
            tuple(options.calls),
            not options.no_unheard_corpora,
            options.overwrite,
        ),
        _run_config(options),
        Folders(options.cache, options.runs),
        skip_undecodable=options.skip_undecodable,
    )


def _compare(options: argparse.Namespace) -> None:
    """Cross-validate several models on the same folds."""
    utterances = read(options)
    check_folds(options, utterances)
    if options.dry_run:
        dry_run.plan_comparison(utterances, options, _run_config(options))
        return
    from training.compare import Comparison, compare  # noqa: PLC0415

    sets = [FeatureConfig(name) for name in options.features]
    seeds = options.training_seeds or [options.seed]
    compare(
        utterances,
        Comparison(options.model, options.protocol, sets, seeds, options.output),
        _run_config(options),
        Folders(options.cache, options.runs),
        skip_undecodable=options.skip_undecodable,
    )


def _run_config(options: argparse.Namespace) -> RunConfig:
    """Return the settings of a cross-validation. `compare` replaces features, protocol and training seed."""
    compares = options.verb == "compare"
    return RunConfig(
        FeatureConfig(options.features[0] if compares else options.features),
        options.protocol[0] if compares else options.protocol,
        options.folds,
        options.seed,
        options.max_epochs,
        options.seed,
        options.labels,
    )


def _evaluate(options: argparse.Namespace) -> None:
    """Score a bundle on labeled recordings."""
    utterances = read(options)
    if options.dry_run:
        dry_run.plan_evaluation(utterances, options)
        return
    from training.evaluate import REPORT, Evaluation, evaluate  # noqa: PLC0415

    evaluate(
        utterances,
        Evaluation(options.bundle, options.output, tuple(options.conditions), tuple(options.calls)),
        skip_undecodable=options.skip_undecodable,
    )
    print((options.output / REPORT).read_text(encoding="utf-8"))


def _describe(options: argparse.Namespace) -> None:
    """Report on corpora."""
    utterances = read(options)
    if options.dry_run:
        dry_run.plan_description(utterances, options)
        return
    from training.describe import PAGE, Description, describe  # noqa: PLC0415

    mapping = options.labels or FIVE_EMOTIONS
    description = Description(options.output, options.cache, speech=options.speech, mapping=mapping)
    results = describe(utterances, description)
    for finding in results["findings"]:
        print(f"{finding['severity']}: {finding['text']}")
    print(f"wrote {options.output / PAGE}")


def _explain(options: argparse.Namespace) -> None:
    """Show what the answers of a bundle rest on."""
    from training.explain import REPORT, explain  # noqa: PLC0415
    from training.explanation import Explanation, plan  # noqa: PLC0415

    utterances = read(options) if options.corpus else []
    explanation = Explanation(
        options.bundle,
        options.output,
        options.recording,
        options.utterances,
        options.seed,
        options.repeats,
        options.window,
        options.hop,
    )
    if options.dry_run:
        print(plan(utterances, explanation))
        return
    explain(utterances, explanation, skip_undecodable=options.skip_undecodable)
    print(f"Report: {options.output / REPORT}")


def _adapt(options: argparse.Namespace) -> None:
    """Adapt a bundle to unlabeled recordings."""
    from training.adapt import adapt, plan  # noqa: PLC0415

    bundle = options.models / options.name
    if options.dry_run:
        print(plan(options.bundle, options.audio, bundle))
        return
    adapt(
        options.bundle,
        options.audio,
        bundle,
        options.cache,
        overwrite=options.overwrite,
        skip_undecodable=options.skip_undecodable,
    )


def _finetune(options: argparse.Namespace) -> None:
    """Fine-tune a bundle to labeled utterances, or show what a fine-tuning would use."""
    from training.finetune import FineTuningOptions, describe, finetune  # noqa: PLC0415

    bundle = options.models / options.name
    if options.dry_run:
        print(describe(read(options), options.bundle))
        return
    finetune(
        read(options),
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

    redraw(options.bundle, read(options), options.run, dry_run=options.dry_run)


def _prepare_keras() -> None:
    """Let `KERAS_BACKEND` alone choose the backend, and suppress log lines: errors are exceptions."""
    # The user's other projects may have written ~/.keras/keras.json.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


VERBS = {
    "corpora": _corpora,
    "encoder": _encoder,
    "speaker-encoder": _speaker_encoder,
    "speech-detector": _speech_detector,
    "hyperparameters": _hyperparameters,
    "extract": _extract,
    "train": _train,
    "compare": _compare,
    "evaluate": _evaluate,
    "describe": _describe,
    "explain": _explain,
    "adapt": _adapt,
    "finetune": _finetune,
    "redraw": _redraw,
}


if __name__ == "__main__":
    sys.exit(main())
