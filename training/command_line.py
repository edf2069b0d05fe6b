"""The command line of `python -m training`: one subcommand for each verb."""

import argparse
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from app.core.features import FEATURE_SETS
from training.argument_types import integer, model_option, seconds
from training.data.call_builder import SOUNDS
from training.data.conditions import CONDITIONS, TEST_CONDITIONS
from training.data.corpora import FACTS
from training.data.dask_engine import LOCAL
from training.data.folds import PROTOCOLS
from training.data.labels import to_mapping
from training.encoder.convert import FOLDER
from training.encoder.extractor import ENCODER, N_LAYERS
from training.errors import TrainingError
from training.help_examples import EXAMPLES
from training.models import MODELS
from training.shared_options import (
    MAX_SEED,
    Parser,
    bundle_options,
    cache_options,
    corpus_options,
    dry_run_options,
    label_options,
    run_options,
)

NAMES = (*FEATURE_SETS, ENCODER)
"""The feature sets of models: those of openSMILE, and that of the encoder."""

EXAMPLE = Path("examples/utterance.wav")
Verbs = Any  # argparse has no public name for the result of add_subparsers


def parse(arguments: Collection[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        arguments: the arguments of the command line; None uses those of the process.

    Returns:
        The options. `verb` is the name of the subcommand.
    """
    corpus, cache, runs, bundle = corpus_options(), cache_options(), run_options(), bundle_options()
    dry_run, labels = dry_run_options(), label_options()
    parser = Parser(prog="python -m training", description="Train, evaluate and publish bundles.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_corpora(verbs)
    _add_encoder(verbs)
    _add_speaker_encoder(verbs, [corpus_options(required=False)])
    _add_speech_detector(verbs)
    _add_hyperparameters(verbs)
    _add_extract(verbs, [corpus, cache, dry_run])
    _add_train(verbs, [corpus, labels, cache, runs, bundle, dry_run])
    _add_compare(verbs, [corpus, labels, cache, runs, dry_run])
    _add_evaluate(verbs, [corpus])
    _add_describe(verbs, [corpus, labels])
    _add_explain(verbs, [corpus_options(required=False), dry_run])
    _add_adapt(verbs, [cache, bundle])
    _add_finetune(verbs, [corpus, cache, bundle])
    _add_redraw(verbs, [corpus])
    for name, example in EXAMPLES.items():
        verbs.choices[name].epilog = f"examples:\n\n{example}"
        verbs.choices[name].formatter_class = argparse.RawDescriptionHelpFormatter
    options = parser.parse_args(None if arguments is None else list(arguments))
    if getattr(options, "leave_out", ()) and not options.label:
        parser.error("--leave-out needs --label; a file of --labels has left_out")
    if getattr(options, "label", None):
        try:
            options.labels = to_mapping(options.label, options.leave_out)
        except TrainingError as error:
            parser.error(str(error))
    return options


def _add_corpora(verbs: Verbs) -> None:
    """Add the subcommand that lists the corpora."""
    verb = verbs.add_parser("corpora", help="list the corpora that can be read, or the facts of one")
    verb.add_argument("name", nargs="?", choices=FACTS, metavar="NAME", help="name of a corpus; default: all")
    verb.set_defaults(verb="corpora")


def _add_hyperparameters(verbs: Verbs) -> None:
    """Add the subcommand that prints the hyperparameters of a model."""
    verb = verbs.add_parser(
        "hyperparameters", help="print every hyperparameter of a model, as a TOML file for --model"
    )
    verb.add_argument("model", type=model_option, metavar="MODEL", help="a model, or TOML file of a model")
    verb.set_defaults(verb="hyperparameters")


def _add_extract(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that fills the feature cache."""
    verb = verbs.add_parser("extract", parents=parents, help="fill the feature cache")
    verb.add_argument("--features", choices=NAMES, default=ENCODER, help="feature set; default: %(default)s")
    _several(verb, "--conditions", "conditions of the recordings", CONDITIONS, ["clean"])
    verb.add_argument(
        "--engine",
        default=LOCAL,
        metavar="ADDRESS",
        help="address of a Dask scheduler; default: this machine",
    )
    verb.set_defaults(verb="extract")


def _add_train(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that trains a bundle."""
    verb = verbs.add_parser("train", parents=parents, help="train, cross-validate and export a bundle")
    verb.add_argument("--features", choices=NAMES, default=ENCODER, help="feature set; default: %(default)s")
    verb.add_argument(
        "--model",
        type=model_option,
        default="encoder",
        metavar="MODEL",
        help=f"model, or TOML file of a model (the verb hyperparameters writes one): {', '.join(MODELS)}; "
        "default: %(default)s",
    )
    verb.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="speaker-independent",
        help="protocol of the folds; default: %(default)s",
    )
    verb.add_argument(
        "--export",
        choices=("best-fold", "all-folds", "all-data"),
        default="best-fold",
        help="source of the bundle's networks; default: %(default)s",
    )
    _several(verb, "--test-conditions", "further conditions of the test parts", TEST_CONDITIONS, nargs="*")
    _several(verb, "--calls", "simulated telephone calls of the test parts", SOUNDS, nargs="*")
    verb.add_argument(
        "--no-unheard-corpora", action="store_true", help="skip the tests on corpora that did not train"
    )
    verb.set_defaults(verb="train")


def _add_compare(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that compares models."""
    verb = verbs.add_parser(
        "compare",
        parents=parents,
        help="compare models on the folds of protocols, as tables and pictures",
        description="Compare models on the same folds: the UAR of each model, the difference of each pair\n"
        "with its p-value, mean ranks, and the cost of one utterance.",
    )
    _several(verb, "--features", "feature sets", NAMES, [ENCODER])
    verb.add_argument(
        "--model",
        nargs="+",
        type=model_option,
        default=list(MODELS),
        metavar="MODEL",
        help=f"models, or TOML files of models: {', '.join(MODELS)}; default: all",
    )
    _several(verb, "--protocol", "protocols", PROTOCOLS)
    verb.add_argument(
        "--output", type=Path, default=Path("comparison"), help="folder of the tables; default: %(default)s"
    )
    verb.add_argument(
        "--training-seeds",
        type=partial(integer, least=0, most=MAX_SEED),
        nargs="+",
        metavar="N",
        help="seeds of training, each of which trains every model on the same folds; default: that of --seed",
    )
    verb.set_defaults(verb="compare")


def _add_adapt(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that adapts a bundle."""
    verb = verbs.add_parser("adapt", parents=parents, help="adapt a bundle's scaler to unlabeled recordings")
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the original bundle")
    verb.add_argument("--audio", type=Path, required=True, help="folder of recordings of utterances")
    verb.set_defaults(verb="adapt")


def _add_finetune(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that fine-tunes a bundle."""
    verb = verbs.add_parser(
        "finetune",
        parents=parents,
        help="fine-tune a bundle to some labeled utterances of a site",
    )
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the original bundle")
    verb.add_argument(
        "--dry-run", action="store_true", help="show the utterances and the folds, and recognize nothing"
    )
    verb.add_argument(
        "--even-if-not-better",
        action="store_true",
        help="write the bundle even if it is not better than the original",
    )
    verb.set_defaults(verb="finetune")


def _add_redraw(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that writes the card of a bundle again."""
    verb = verbs.add_parser(
        "redraw", parents=parents, help="write the model card and the pictures of a bundle again"
    )
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    verb.add_argument(
        "--run", type=Path, required=True, help="folder of its run, with a folder for each fold"
    )
    verb.set_defaults(verb="redraw")


def _add_encoder(verbs: Verbs) -> None:
    """Add the subcommand that converts the speech encoder."""
    verb = verbs.add_parser("encoder", help="convert the weights of the speech encoder to ONNX")
    verb.add_argument(
        "--weights",
        type=Path,
        required=True,
        help="model.bin (CTranslate2) or model.safetensors of Whisper base",
    )
    verb.add_argument("--sha256", help="required SHA-256 of the file; default: those of known files")
    verb.add_argument(
        "--layers",
        type=partial(integer, least=1),
        default=N_LAYERS,
        help="number of layers to keep; default: %(default)s",
    )
    verb.add_argument(
        "--audio", type=Path, default=EXAMPLE, help="recording for the comparison; default: %(default)s"
    )
    verb.add_argument("--output", type=Path, default=FOLDER, help="output folder; default: %(default)s")
    verb.set_defaults(verb="encoder")


def _add_speaker_encoder(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that converts the encoder of voices."""
    verb = verbs.add_parser(
        "speaker-encoder",
        parents=parents,
        help="convert the weights of the encoder of voices to ONNX; with --corpus, train them further first",
    )
    verb.add_argument("--checkpoint", type=Path, required=True, help="pretrained.pt of Resemblyzer 0.1.4")
    verb.add_argument(
        "--output", type=Path, default=Path("app/core"), help="output folder; default: %(default)s"
    )
    verb.set_defaults(verb="speaker-encoder")


def _add_speech_detector(verbs: Verbs) -> None:
    """Add the subcommand that converts the speech detector."""
    verb = verbs.add_parser("speech-detector", help="convert the network of the speech detector")
    verb.add_argument(
        "--source", type=Path, required=True, help="silero_vad_16k_sequence.onnx of silero-vad 6.2.3"
    )
    verb.add_argument(
        "--output", type=Path, default=Path("app/core"), help="output folder; default: %(default)s"
    )
    verb.set_defaults(verb="speech-detector")


def _add_evaluate(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that scores a bundle."""
    verb = verbs.add_parser(
        "evaluate", parents=parents, help="score a bundle on labeled recordings with the code of the service"
    )
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    verb.add_argument("--output", type=Path, required=True, help="folder of the results")
    verb.add_argument(
        "--skip-undecodable", action="store_true", help="skip recordings that cannot be analyzed"
    )
    _several(
        verb, "--conditions", "conditions of the recordings", CONDITIONS, ["clean", "telephone", "noise-10"]
    )
    _several(verb, "--calls", "simulated calls", SOUNDS, ["telephone", "noise"], nargs="*")
    verb.set_defaults(verb="evaluate")


def _add_describe(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that reports on corpora."""
    verb = verbs.add_parser(
        "describe",
        parents=parents,
        help="write a report of the problems and the figures of corpora",
    )
    verb.add_argument(
        "--output",
        type=Path,
        default=Path("report"),
        help="folder of the page and the JSON file; default: %(default)s",
    )
    verb.add_argument(
        "--cache",
        type=Path,
        default=Path(".cache/recordings"),
        help="folder that keeps the facts of recordings; default: %(default)s",
    )
    verb.add_argument(
        "--speech", action="store_true", help="also measure the share of speech, which takes more time"
    )
    verb.set_defaults(verb="describe")


def _add_explain(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that explains a bundle."""
    verb = verbs.add_parser(
        "explain",
        parents=parents,
        help="show what the answers of a bundle rest on, as pictures",
        description="Draw which moments of a recording decide its answer (--recording), and for corpora\n"
        "(--corpus) a map of utterances, the importance of groups of values, and the confusions by\n"
        "corpus, sex and language. Nothing is trained.",
    )
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    verb.add_argument("--output", type=Path, required=True, help="folder of the results")
    verb.add_argument("--recording", type=Path, metavar="FILE", help="recording of one utterance, up to 30 s")
    verb.add_argument(
        "--utterances",
        type=partial(integer, least=11),
        default=2000,
        metavar="N",
        help="most utterances to analyze, at least 11; more are sampled; default: %(default)s",
    )
    verb.add_argument(
        "--repeats",
        type=partial(integer, least=1),
        default=10,
        metavar="N",
        help="permutations of each group of values; default: %(default)s",
    )
    verb.add_argument(
        "--seed",
        type=partial(integer, least=0, most=MAX_SEED),
        default=1,
        metavar="N",
        help="seed of sample, map and permutations; default: %(default)s",
    )
    for option, what, default in (
        ("--window", "duration of a hidden part of the recording", 0.3),
        ("--hop", "distance from one hidden part to the next", 0.1),
    ):
        verb.add_argument(
            option,
            type=seconds,
            default=default,
            metavar="S",
            help=f"{what}, in seconds; default: {default}",
        )
    verb.add_argument(
        "--skip-undecodable", action="store_true", help="skip recordings that cannot be analyzed"
    )
    verb.set_defaults(verb="explain")


def _several(
    verb: Parser,
    option: str,
    what: str,
    names: Collection[str],
    default: Collection[str] = (),
    nargs: str = "+",
) -> None:
    """Add an option that takes several names. Without `default`, the default is all names."""
    verb.add_argument(
        option,
        nargs=nargs,
        choices=names,
        default=list(default or names),
        metavar="NAME",
        help=f"{what}: {', '.join(names)}; default: {', '.join(default) or 'all'}",
    )
