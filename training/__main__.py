"""`python -m training`: one subcommand a verb."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from app.core.errors import SpeechEmotionError
from app.core.features import FEATURE_SETS, FeatureConfig
from training.corpora import READERS, Utterance, shemo
from training.errors import TrainingError
from training.extract import extract
from training.folds import SPLITTERS

INTERRUPTED = 130


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
    common.add_argument(
        "--features", choices=FEATURE_SETS, default="ComParE_2016", help="default: %(default)s"
    )
    common.add_argument("--cache", type=Path, default=Path(".cache/features"), help="default: %(default)s")
    common.add_argument("--skip-undecodable", action="store_true", help="leave out recordings that fail")

    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("extract", parents=[common], help="fill the feature cache")
    verb.set_defaults(run=_extract)
    verb = verbs.add_parser("train", parents=[common], help="from corpora to a bundle")
    verb.add_argument("--name", required=True, help="of the bundle")
    verb.add_argument(
        "--models", type=Path, default=Path("models"), help="folder of bundles; default: %(default)s"
    )
    verb.add_argument("--runs", type=Path, default=Path(".cache/runs"), help="default: %(default)s")
    verb.add_argument(
        "--protocol", choices=SPLITTERS, default="speaker-independent", help="default: %(default)s"
    )
    verb.add_argument("--folds", type=int, default=5, help="default: %(default)s")
    verb.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    verb.add_argument("--max-epochs", type=int, default=60, help="default: %(default)s")
    verb.add_argument("--overwrite", action="store_true", help="replace a bundle of that name")
    verb.set_defaults(run=_train)
    return parser


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


def _extract(options: argparse.Namespace) -> None:
    config = FeatureConfig(options.features)
    extract(_utterances(options), config, options.cache, skip_undecodable=options.skip_undecodable)


def _train(options: argparse.Namespace) -> None:
    # TensorFlow takes seconds to import, and says a lot; what matters comes as an exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from training.fit import Schedule  # noqa: PLC0415
    from training.train import Folders, Run, train  # noqa: PLC0415

    train(
        _utterances(options),
        Run(
            name=options.name,
            features=FeatureConfig(options.features),
            protocol=options.protocol,
            n_folds=options.folds,
            seed=options.seed,
            schedule=Schedule(max_epochs=options.max_epochs),
        ),
        Folders(bundles=options.models, cache=options.cache, runs=options.runs),
        skip_undecodable=options.skip_undecodable,
        overwrite=options.overwrite,
    )


if __name__ == "__main__":
    sys.exit(main())
