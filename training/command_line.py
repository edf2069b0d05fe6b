"""The command line of `python -m training`: one subcommand for each verb."""

import argparse
from collections.abc import Collection
from functools import partial
from pathlib import Path

from app.core.features import FEATURE_SETS
from training.argument_types import integer, model_option
from training.bundle_verbs import add_adapt, add_describe, add_evaluate, add_explain, add_finetune, add_redraw
from training.data.call_builder import SOUNDS
from training.data.conditions import CONDITIONS, TEST_CONDITIONS
from training.data.corpora import FACTS
from training.data.dask_engine import LOCAL
from training.data.folds import PROTOCOLS
from training.data.labels import to_mapping
from training.encoder.convert import FOLDER
from training.encoder.extractor import ENCODER, N_LAYERS
from training.errors import TrainingError
from training.help_texts import DESCRIPTIONS, EXAMPLES
from training.models import MODELS
from training.shared_options import (
    MAX_SEED,
    Parser,
    Verbs,
    bundle_options,
    cache_options,
    corpus_options,
    dry_run_options,
    label_options,
    run_options,
    several,
)

NAMES = (*FEATURE_SETS, ENCODER)
"""The feature sets of models: those of openSMILE, and that of the encoder."""

EXAMPLE = Path("examples/utterance.wav")


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
    add_evaluate(verbs, [corpus, dry_run])
    add_describe(verbs, [corpus, labels, dry_run])
    add_explain(verbs, [corpus_options(required=False), dry_run])
    add_adapt(verbs, [cache, bundle, dry_run])
    add_finetune(verbs, [corpus, cache, bundle])
    add_redraw(verbs, [corpus, dry_run])
    for name, example in EXAMPLES.items():
        verbs.choices[name].description = DESCRIPTIONS[name]
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
    several(verb, "--conditions", "conditions of the recordings", CONDITIONS, ["clean"])
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
    several(verb, "--test-conditions", "further conditions of the test parts", TEST_CONDITIONS, nargs="*")
    several(verb, "--calls", "simulated telephone calls of the test parts", SOUNDS, nargs="*")
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
    )
    several(verb, "--features", "feature sets", NAMES, [ENCODER])
    verb.add_argument(
        "--model",
        nargs="+",
        type=model_option,
        default=list(MODELS),
        metavar="MODEL",
        help=f"models, or TOML files of models: {', '.join(MODELS)}; default: all",
    )
    several(verb, "--protocol", "protocols", PROTOCOLS)
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
