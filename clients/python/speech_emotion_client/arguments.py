"""The arguments of the command line `speech-emotion`."""

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from speech_emotion_client.version import __version__

Command = Callable[..., int]
OPTIONS = (
    "model",
    "min_confidence",
    "metadata",
    "channel",
    "channels",
    "roles",
    "speakers",
    "speaker_order",
    "merge",
    "callback_url",
    "idempotency_key",
    "interim_interval",
    "reference",
)
"""The arguments that are options of the client."""


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the client that the arguments contain."""
    values = vars(arguments)
    return {
        name: values[name] for name in OPTIONS if values.get(name) is not None and values[name] is not False
    }


def build_parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        commands: the function of each command. The parser stores that of the command as `run`.
    """
    parser = argparse.ArgumentParser(
        prog="speech-emotion",
        description="Recognize emotions in speech with a remote service.",
        epilog="Exit status: 0 success; 1 the service refused the request or a job; 2 wrong "
        "arguments or an unreadable file; 3 the service cannot be reached or is busy; 130 Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--url", help="the address of the service (default: SPEECH_EMOTION_URL)")
    parser.add_argument(
        "--key", help="the API key (default: SPEECH_EMOTION_KEY, which other users cannot see)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the JSON of the service, one object a line"
    )
    parser.add_argument("--tries", type=int, default=5, help="the tries after temporary errors (default: 5)")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    recognize = groups.add_parser("recognize", help="recognize the emotion of utterances")
    recognize.add_argument("files", nargs="+", metavar="FILE")
    recognize.add_argument("--channel", help="the channel, counted from 0, or mix (default)")
    _add_common(recognize, commands["recognize"])
    timeline = groups.add_parser("timeline", help="analyze a call")
    timeline.add_argument("file", metavar="FILE")
    _add_call_options(timeline)
    _add_common(timeline, commands["timeline"])
    _add_live(groups.add_parser("live", help="analyze a call while it happens"), commands["live"])
    jobs = groups.add_parser("jobs", help="analyze calls in the background")
    _add_jobs(jobs.add_subparsers(required=True, metavar="COMMAND"), commands)
    models = groups.add_parser("models", help="list the models")
    models.set_defaults(run=commands["models"])
    return parser


def _add_jobs(
    groups: "argparse._SubParsersAction[argparse.ArgumentParser]", commands: Mapping[str, Command]
) -> None:
    create = groups.add_parser("create", help="create a job")
    create.add_argument("file", metavar="FILE")
    create.add_argument("--callback-url", help="the receiver of a webhook when the job ends")
    create.add_argument("--idempotency-key", help="a name of the call; the same name is the same job")
    _add_call_options(create)
    _add_common(create, commands["jobs create"])
    for name, purpose in (
        ("get", "print the state of a job"),
        ("result", "wait until a job ends, and print its timeline; the progress is on stderr"),
        ("delete", "cancel a job, or delete an ended job"),
    ):
        parser = groups.add_parser(name, help=purpose)
        parser.add_argument("id", metavar="ID")
        parser.set_defaults(run=commands[f"jobs {name}"])
        if name == "result":
            parser.add_argument(
                "--poll", type=float, default=5.0, help="seconds between requests (default: 5)"
            )
    listing = groups.add_parser("list", help="list your jobs, the newest first")
    listing.add_argument("--state", help="list only jobs with this state")
    listing.add_argument("--limit", type=int, default=20, help="the number of jobs (default: 20)")
    listing.add_argument("--offset", type=int, default=0, help="the number of newer jobs to leave out")
    listing.set_defaults(run=commands["jobs list"])


def _add_live(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.add_argument("file", metavar="FILE", help="a WAV file, or - for a stream on stdin")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="of a file, relative to real time (default: 1)"
    )
    parser.add_argument(
        "--encoding", choices=("linear16", "mulaw", "alaw"), help="of a stream without a header"
    )
    parser.add_argument("--sampling-rate", type=int, help="of a stream without a header, in Hz")
    parser.add_argument(
        "--channel-count", type=int, default=1, help="of a stream without a header (default: 1)"
    )
    parser.add_argument("--roles", type=_names, help="a name for each channel, such as agent,customer")
    parser.add_argument(
        "--speakers", type=_number_or_auto, help="the number of speakers on a channel, or auto"
    )
    parser.add_argument("--interim-interval", type=float, help="seconds of speech between interim answers")
    parser.add_argument("--reference", help="the ID of the call, which the list of sessions repeats")
    _add_common(parser, command)


def _add_call_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--channels", type=_numbers, help="the channels to analyze, such as 0,1")
    parser.add_argument("--roles", type=_names, help="a name for each channel, such as agent,customer")
    parser.add_argument(
        "--speakers", type=_number_or_auto, help="the number of speakers on a channel, or auto"
    )
    parser.add_argument("--speaker-order", choices=("first", "share"), help="the order of the speakers")
    parser.add_argument("--merge", action="store_true", help="merge neighboring segments of the same emotion")


def _add_common(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.add_argument("--model", help="the name of the model")
    parser.add_argument("--min-confidence", type=float, help="the lowest probability of an emotion, 0 to 1")
    parser.add_argument(
        "--metadata", type=json.loads, help="""strings about the call, such as '{"call": "4711"}'"""
    )
    parser.set_defaults(run=command)


def _number_or_auto(text: str) -> int | str:
    return text if text == "auto" else int(text)


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]
