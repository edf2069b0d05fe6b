"""`python -m app rollout`: give a new bundle a share of the requests, then go forward or back."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from app.core.bundle import find_bundles, read_bundle
from app.core.errors import BundleError
from app.core.files import write_whole
from app.rollout import Rollout, RolloutInvalid, first_rollout
from app.settings import Settings


def roll_out(arguments: Sequence[str]) -> int:
    """Show the state of the rollout, or change it. Running replicas read the change within seconds.

    Returns:
        The exit status: 0; 2 if the step is not possible, or a setting, a bundle or the file is not valid,
        with the reason on stderr.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = Settings(host="127.0.0.1")  # no server listens, so no keys are needed
        file = _file_of(settings)
        state = _step(first_rollout(file, settings.default_model), options)
        _check(state, settings)
        if options.step is not None:
            write_whole(file, (state.model_dump_json(indent=2) + "\n").encode())
    except (BundleError, RolloutInvalid, ValidationError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    _show(state)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app rollout", description="Show the rollout of a bundle, or change it."
    )
    steps = parser.add_subparsers(dest="step")
    start = steps.add_parser("start", help="let a new bundle answer a share of the requests")
    start.add_argument("candidate", help="the name of the new bundle")
    start.add_argument(
        "--share", type=_share, default=0.1, help="the share of the requests that it answers; default: 0.1"
    )
    start.add_argument(
        "--shadow",
        type=_share,
        default=0.0,
        help="the share of the other utterances that it evaluates without influence; default: 0",
    )
    steps.add_parser("forward", help="let the new bundle answer all requests")
    steps.add_parser("back", help="undo `start`; without a new bundle, undo `forward`")
    return parser


def _share(text: str) -> float:
    """Return the number of an argument."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError("expected a number from 0 to 1")
    return float(text)


def _file_of(settings: Settings) -> Path:
    """Return the path of the file.

    Raises:
        RolloutInvalid: there is no path.
    """
    if settings.rollout is None:
        raise RolloutInvalid("SER_ROLLOUT is not set. Set it to the path of a file that every replica reads")
    return settings.rollout


def _step(state: Rollout, options: argparse.Namespace) -> Rollout:
    """Return the state after a step.

    Raises:
        RolloutInvalid: the step is not possible.
    """
    match options.step:
        case "start":
            return state.start(options.candidate, options.share, options.shadow)
        case "forward":
            return state.forward()
        case "back":
            return state.back()
        case _:
            return state


def _check(state: Rollout, settings: Settings) -> None:
    """Check the bundles of a state, and no others: a damaged candidate must not prevent `back`.

    Raises:
        BundleError: a bundle is damaged.
        RolloutInvalid: a bundle is missing, or does not fit the other one.
    """
    folders = find_bundles(settings.models_dir, settings.default_model)
    used = {state.stable, state.candidate}
    state.check({folder.name: read_bundle(folder).manifest for folder in folders if folder.name in used})


def _show(state: Rollout) -> None:
    """Print a state."""
    print(f"{state.stable} answers {1 - state.share:.1%} of the requests that name no model")
    if state.candidate is not None:
        print(f"{state.candidate} answers {state.share:.1%}")
        print(f"{state.candidate} evaluates {state.shadow:.1%} of the other utterances, without influence")
    if state.previous is not None:
        print(f"{state.previous} was the bundle before {state.stable}")
