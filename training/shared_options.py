"""The options that several subcommands share, as parents of their parsers."""

import argparse
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from training.argument_types import corpus_option, integer, label_option, mapping_file

MAX_SEED = 2**31 - 1
"""The largest seed. NumPy permits 2³² − 1, and the numbers of folds and networks are added to the seed."""

Parser = argparse.ArgumentParser
Verbs = Any  # argparse has no public name for the result of add_subparsers


def corpus_options(*, required: bool = True) -> Parser:
    """Return the options of corpora."""
    options = Parser(add_help=False)
    options.add_argument(
        "--corpus",
        action="append",
        required=required,
        type=corpus_option,
        metavar="KIND=PATH",
        help="a corpus; repeatable. KIND is the name of a corpus (the verb corpora lists them), or csv for a "
        "CSV file, or audformat for a folder in this format",
    )
    options.add_argument(
        "--shemo-labels", type=Path, metavar="FILE", help="modified_shemo.json, the corrected labels of ShEMO"
    )
    return options


def label_options() -> Parser:
    """Return the options of own labels."""
    options = Parser(add_help=False)
    mapping = options.add_mutually_exclusive_group()
    mapping.add_argument(
        "--labels",
        type=mapping_file,
        metavar="FILE",
        help="TOML file with the labels of the model (examples/labels.toml); default: the five emotions",
    )
    mapping.add_argument(
        "--label",
        action="append",
        type=label_option,
        metavar="NAME=OWN[,OWN…]",
        help="a label of the model, and the corpora's own labels that count as it; repeatable, in place of "
        "--labels",
    )
    options.add_argument(
        "--leave-out",
        type=lambda text: tuple(text.split(",")),
        default=(),
        metavar="OWN[,OWN…]",
        help="own labels that are not used, with --label",
    )
    return options


def cache_options() -> Parser:
    """Return the options of the feature cache."""
    options = Parser(add_help=False)
    options.add_argument(
        "--cache",
        type=Path,
        default=Path(".cache/features"),
        help="folder of cached features; default: %(default)s",
    )
    add_skip_undecodable(options)
    return options


def run_options() -> Parser:
    """Return the options of a cross-validation."""
    options = Parser(add_help=False)
    options.add_argument(
        "--runs", type=Path, default=Path(".cache/runs"), help="folder of cached runs; default: %(default)s"
    )
    options.add_argument(
        "--folds",
        type=partial(integer, least=2),
        default=5,
        metavar="N",
        help="number of folds, at least 2; default: %(default)s",
    )
    options.add_argument(
        "--seed",
        type=partial(integer, least=0, most=MAX_SEED),
        default=1,
        metavar="N",
        help="seed of folds and training; default: %(default)s",
    )
    options.add_argument(
        "--max-epochs",
        type=partial(integer, least=1),
        metavar="N",
        help="maximum number of epochs of each network",
    )
    return options


def bundle_options() -> Parser:
    """Return the options of a new bundle."""
    options = Parser(add_help=False)
    options.add_argument("--name", required=True, help="name of the bundle")
    options.add_argument(
        "--models", type=Path, default=Path("models"), help="folder of bundles; default: %(default)s"
    )
    options.add_argument("--overwrite", action="store_true", help="replace an existing bundle")
    return options


def dry_run_options() -> Parser:
    """Return the option that only prints the plan."""
    options = Parser(add_help=False)
    options.add_argument(
        "--dry-run", action="store_true", help="print what the command would do, and write nothing"
    )
    return options


def add_skip_undecodable(verb: Parser) -> None:
    """Add the option that skips recordings."""
    verb.add_argument(
        "--skip-undecodable", action="store_true", help="skip recordings that cannot be analyzed"
    )


def several(
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
