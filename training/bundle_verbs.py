"""The options of the subcommands that train no network: those about a bundle, and `describe`."""

from functools import partial
from pathlib import Path

from training.argument_types import integer, seconds
from training.data.call_builder import SOUNDS
from training.data.conditions import CONDITIONS
from training.shared_options import MAX_SEED, Parser, Verbs, add_skip_undecodable, several


def add_evaluate(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that scores a bundle."""
    verb = verbs.add_parser(
        "evaluate", parents=parents, help="score a bundle on labeled recordings with the code of the service"
    )
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    verb.add_argument("--output", type=Path, required=True, help="folder of the results")
    add_skip_undecodable(verb)
    several(
        verb, "--conditions", "conditions of the recordings", CONDITIONS, ["clean", "telephone", "noise-10"]
    )
    several(verb, "--calls", "simulated calls", SOUNDS, ["telephone", "noise"], nargs="*")
    verb.set_defaults(verb="evaluate")


def add_describe(verbs: Verbs, parents: list[Parser]) -> None:
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


def add_explain(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that explains a bundle."""
    verb = verbs.add_parser(
        "explain",
        parents=parents,
        help="show what the answers of a bundle rest on, as pictures",
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
    add_skip_undecodable(verb)
    verb.set_defaults(verb="explain")


def add_adapt(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that adapts a bundle."""
    verb = verbs.add_parser("adapt", parents=parents, help="adapt a bundle's scaler to unlabeled recordings")
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the original bundle")
    verb.add_argument("--audio", type=Path, required=True, help="folder of recordings of utterances")
    verb.set_defaults(verb="adapt")


def add_finetune(verbs: Verbs, parents: list[Parser]) -> None:
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


def add_redraw(verbs: Verbs, parents: list[Parser]) -> None:
    """Add the subcommand that writes the card of a bundle again."""
    verb = verbs.add_parser(
        "redraw", parents=parents, help="write the model card and the pictures of a bundle again"
    )
    verb.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    verb.add_argument(
        "--run", type=Path, required=True, help="folder of its run, with a folder for each fold"
    )
    verb.set_defaults(verb="redraw")
