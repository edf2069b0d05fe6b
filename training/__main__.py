"""`python -m training`: one subcommand a verb."""

import argparse
import os
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from app.core.errors import SpeechEmotionError
from app.core.features import FEATURE_SETS, FeatureConfig
from app.core.manifest import NAME
from training.calls import SOUNDS
from training.cluster import LOCAL, engine
from training.conditions import CONDITIONS, TEST_CONDITIONS
from training.corpora import READERS, Utterance, shemo
from training.encoder.convert import FOLDER, convert
from training.encoder.extractor import ENCODER, N_LAYERS
from training.errors import TrainingError
from training.extract import extract
from training.folds import PROTOCOLS
from training.models import MODELS

INTERRUPTED = 130
NAMES = (*FEATURE_SETS, ENCODER)
"""Features that models can be trained on: openSMILE's sets, and the encoder's."""

EXAMPLE = Path("examples/utterance.wav")
Verbs = Any  # argparse has no public name for what add_subparsers returns


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        arguments: of the command line; by default the process's.

    Returns:
        The exit status: 1 if the run cannot work, which stderr explains; 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (SpeechEmotionError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--corpus",
        action="append",
        required=True,
        type=_corpus,
        metavar="KIND=PATH",
        help=f"a corpus; may be repeated. KIND is one of {', '.join(READERS)}; PATH a folder or a CSV file",
    )
    common.add_argument(
        "--shemo-labels", type=Path, metavar="FILE", help="modified_shemo.json, the corrected labels"
    )
    kept = argparse.ArgumentParser(add_help=False)
    kept.add_argument("--cache", type=Path, default=Path(".cache/features"), help="default: %(default)s")
    kept.add_argument("--skip-undecodable", action="store_true", help="leave out recordings that fail")
    runs = argparse.ArgumentParser(add_help=False)
    runs.add_argument("--runs", type=Path, default=Path(".cache/runs"), help="default: %(default)s")
    runs.add_argument("--folds", type=int, default=5, help="default: %(default)s")
    runs.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    runs.add_argument("--max-epochs", type=int, metavar="N", help="train no network longer than that")
    bundles = argparse.ArgumentParser(add_help=False)
    bundles.add_argument("--name", required=True, help="of the bundle")
    bundles.add_argument(
        "--models", type=Path, default=Path("models"), help="folder of bundles; default: %(default)s"
    )
    bundles.add_argument("--overwrite", action="store_true", help="replace a bundle of that name")

    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    _add_encoder(verbs)
    verb = verbs.add_parser("extract", parents=[common, kept], help="fill the feature cache")
    verb.add_argument("--features", choices=NAMES, default=ENCODER, help="default: %(default)s")
    _several(verb, "--conditions", "recordings are heard under", CONDITIONS, ["clean"])
    verb.add_argument(
        "--engine", default=LOCAL, metavar="ADDRESS", help="a Dask scheduler's; this machine if not given"
    )
    verb.set_defaults(run=_extract)

    verb = verbs.add_parser("train", parents=[common, kept, runs, bundles], help="from corpora to a bundle")
    verb.add_argument("--features", choices=NAMES, default=ENCODER, help="default: %(default)s")
    verb.add_argument("--model", choices=MODELS, default="encoder", help="default: %(default)s")
    verb.add_argument(
        "--protocol", choices=PROTOCOLS, default="speaker-independent", help="default: %(default)s"
    )
    verb.add_argument(
        "--export",
        choices=("best-fold", "all-folds", "all-data"),
        default="best-fold",
        help="whose networks the bundle holds; default: %(default)s",
    )
    _several(verb, "--test-conditions", "test parts are heard under too", TEST_CONDITIONS, nargs="*")
    _several(verb, "--calls", "test parts are heard in such telephone calls too", SOUNDS, nargs="*")
    verb.add_argument(
        "--no-unheard-corpora", action="store_true", help="do not test on corpora that did not train"
    )
    verb.set_defaults(run=_train)

    verb = verbs.add_parser(
        "compare", parents=[common, kept, runs], help="models × protocols on the same folds, as a table"
    )
    _several(verb, "--features", "feature sets", NAMES, [ENCODER])
    _several(verb, "--model", "models", MODELS)
    _several(verb, "--protocol", "protocols", PROTOCOLS)
    verb.add_argument(
        "--output", type=Path, default=Path("comparison"), help="folder of the tables; default: %(default)s"
    )
    verb.set_defaults(run=_compare)

    _add_evaluate(verbs, common)
    verb = verbs.add_parser(
        "adapt", parents=[kept, bundles], help="fit a bundle's scaler to unlabelled recordings of a place"
    )
    verb.add_argument("--bundle", type=Path, required=True, help="the bundle to start from")
    verb.add_argument("--audio", type=Path, required=True, help="folder with recordings of utterances")
    verb.set_defaults(run=_adapt)
    return parser


def _add_encoder(verbs: Verbs) -> None:
    """Describe the verb that converts the speech encoder."""
    verb = verbs.add_parser("encoder", help="convert the weights of the speech encoder to ONNX")
    verb.add_argument(
        "--weights",
        type=Path,
        required=True,
        help="model.bin (CTranslate2) or model.safetensors of Whisper base",
    )
    verb.add_argument("--sha256", help="hash that the file must have; default: that of a known file")
    verb.add_argument(
        "--layers", type=int, default=N_LAYERS, help="layers that are kept; default: %(default)s"
    )
    verb.add_argument(
        "--audio", type=Path, default=EXAMPLE, help="speech to compare on; default: %(default)s"
    )
    verb.add_argument("--output", type=Path, default=FOLDER, help="folder; default: %(default)s")
    verb.set_defaults(run=_encoder)


def _add_evaluate(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    """Describe the verb that scores a bundle."""
    verb = verbs.add_parser(
        "evaluate", parents=[common], help="score a bundle on labeled recordings, through the service's code"
    )
    verb.add_argument("--bundle", type=Path, required=True, help="the bundle")
    verb.add_argument("--output", type=Path, required=True, help="folder of the results")
    verb.add_argument("--skip-undecodable", action="store_true", help="leave out recordings that fail")
    _several(
        verb, "--conditions", "recordings are heard under", CONDITIONS, ["clean", "telephone", "noise-10"]
    )
    _several(verb, "--calls", "simulated calls", SOUNDS, ["telephone", "noise"], nargs="*")
    verb.set_defaults(run=_evaluate)


def _several(
    verb: argparse.ArgumentParser,
    option: str,
    what: str,
    names: Collection[str],
    default: Collection[str] = (),
    nargs: str = "+",
) -> None:
    """Add an option that takes several names; all of them, unless another default is given."""
    verb.add_argument(
        option,
        nargs=nargs,
        choices=names,
        default=list(default or names),
        metavar="NAME",
        help=f"{what}: {', '.join(names)}; default: {', '.join(default) or 'all'}",
    )


def _corpus(text: str) -> tuple[str, Path]:
    """Read one KIND=PATH."""
    kind, _, path = text.partition("=")
    if kind not in READERS or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=PATH with KIND one of {', '.join(READERS)}")
    return kind, Path(path)


def _utterances(options: argparse.Namespace) -> list[Utterance]:
    """Read every corpus."""
    readers = READERS | {"shemo": partial(shemo.read, labels=options.shemo_labels)}
    utterances = [utterance for kind, path in options.corpus for utterance in readers[kind](path)]
    if len({utterance.path.resolve() for utterance in utterances}) < len(utterances):
        raise TrainingError("a recording is listed twice: is a corpus given twice?")
    return utterances


def _encoder(options: argparse.Namespace) -> None:
    convert(options.weights, options.layers, options.audio, options.output, options.sha256)


def _extract(options: argparse.Namespace) -> None:
    # Absolute, since a cluster's workers are started in folders of their own.
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
    _quieten_tensorflow()
    from training.cross_validation import Folders, Plan  # noqa: PLC0415
    from training.train import Order, train  # noqa: PLC0415

    train(
        _utterances(options),
        Order(
            _new_bundle(options),
            options.model,
            options.export,
            tuple(options.test_conditions),
            tuple(options.calls),
            not options.no_unheard_corpora,
            options.overwrite,
        ),
        Plan(
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
    _quieten_tensorflow()
    from training.compare import Comparison, compare  # noqa: PLC0415
    from training.cross_validation import Folders, Plan  # noqa: PLC0415

    sets = [FeatureConfig(name) for name in options.features]
    compare(
        _utterances(options),
        Comparison(options.model, options.protocol, sets, options.output),
        Plan(sets[0], n_folds=options.folds, seed=options.seed, max_epochs=options.max_epochs),
        Folders(options.cache, options.runs),
        skip_undecodable=options.skip_undecodable,
    )


def _evaluate(options: argparse.Namespace) -> None:
    from training.evaluate import REPORT, Evaluation, evaluate  # noqa: PLC0415

    evaluate(
        _utterances(options),
        Evaluation(options.bundle, options.output, tuple(options.conditions), tuple(options.calls)),
        skip_undecodable=options.skip_undecodable,
    )
    print((options.output / REPORT).read_text(encoding="utf-8"))


def _adapt(options: argparse.Namespace) -> None:
    from training.adapt import adapt  # noqa: PLC0415

    adapt(
        options.bundle,
        options.audio,
        _new_bundle(options),
        options.cache,
        overwrite=options.overwrite,
        skip_undecodable=options.skip_undecodable,
    )


def _new_bundle(options: argparse.Namespace) -> Path:
    """Where the bundle shall stand; raise now what would otherwise be raised when all is trained."""
    if not re.fullmatch(NAME, options.name):
        raise TrainingError(f"{options.name!r} cannot name a bundle: use a-z, 0-9, '.', '_' and '-'")
    bundle: Path = options.models / options.name
    if bundle.exists() and not options.overwrite:
        raise TrainingError(f"{bundle} is there already; choose another name, or --overwrite it")
    return bundle


def _quieten_tensorflow() -> None:
    """TensorFlow takes seconds to import, and says a lot; what matters comes as an exception."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


if __name__ == "__main__":
    sys.exit(main())
