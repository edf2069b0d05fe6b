"""The command line `speech-emotion`: a remote service for people and scripts.

Exit status: 0 after success; 1 if the service refused the request or a job; 2 after wrong arguments,
or if a file cannot be read; 3 if the service cannot be reached or is busy, so that a later try may succeed;
130 after Ctrl-C. The errors are on stderr.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

from speech_emotion_client import printing
from speech_emotion_client.answers import Answer, Job
from speech_emotion_client.arguments import build_parser, options_of
from speech_emotion_client.audio_stream import StreamFormat, pieces_of, read_header
from speech_emotion_client.client import Client
from speech_emotion_client.errors import SpeechEmotionError
from speech_emotion_client.retries import Retries, is_temporary

REFUSED, WRONG_USE, TEMPORARY, INTERRUPTED = 1, 2, 3, 130
"""The exit statuses after an error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    Args:
        arguments: the arguments; those of the process if None.
    """
    parser = build_parser(COMMANDS)
    parsed = parser.parse_args(arguments)
    url, key = parsed.url or os.environ.get("SPEECH_EMOTION_URL"), os.environ.get("SPEECH_EMOTION_KEY")
    if url is None:
        parser.error("give --url, or set SPEECH_EMOTION_URL")
    try:
        with Client(url, parsed.key or key, retries=Retries(tries=parsed.tries)) as client:
            command: Callable[[Client, argparse.Namespace], int] = parsed.run
            return command(client, parsed)
    except (SpeechEmotionError, OSError, ValueError) as error:
        return _report(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _report(error: Exception) -> int:
    """Print an error, and return its exit status."""
    print(f"speech-emotion: {error}", file=sys.stderr)
    if isinstance(error, SpeechEmotionError):
        return TEMPORARY if is_temporary(error) else REFUSED
    return WRONG_USE


def _show(arguments: argparse.Namespace, answer: Answer, text: str | None, **fields: object) -> None:
    """Print an answer as text, or as JSON on one line with further fields."""
    if arguments.json:
        print(json.dumps({**fields, **answer.raw}), flush=True)
    elif text is not None:
        print(text, flush=True)


def _recognize(client: Client, arguments: argparse.Namespace) -> int:
    status = 0
    for file in arguments.files:
        try:
            answer = client.recognize(file, **options_of(arguments))
        except (SpeechEmotionError, OSError) as error:  # the next file may be all right
            status = max(status, _report(error))
        else:
            _show(arguments, answer, f"{file}: {printing.utterance(answer)}", file=file)
    return status


def _timeline(client: Client, arguments: argparse.Namespace) -> int:
    answer = client.timeline(arguments.file, **options_of(arguments))
    _show(arguments, answer, printing.timeline(answer))
    return 0


def _models(client: Client, arguments: argparse.Namespace) -> int:
    answer = client.models()
    _show(arguments, answer, "\n".join(printing.models(answer)))
    return 0


def _create_job(client: Client, arguments: argparse.Namespace) -> int:
    job = client.jobs.create(arguments.file, **options_of(arguments))
    _show(arguments, job, printing.job(job))
    return 0


def _get_job(client: Client, arguments: argparse.Namespace) -> int:
    job = client.jobs.get(arguments.id)
    _show(arguments, job, printing.job(job))
    return 0


def _result(client: Client, arguments: argparse.Namespace) -> int:
    def show_progress(job: Job) -> None:
        print(printing.job(job), file=sys.stderr)

    answer = client.jobs.result(arguments.id, show_progress, poll=arguments.poll)
    _show(arguments, answer, printing.timeline(answer))
    return 0


def _list_jobs(client: Client, arguments: argparse.Namespace) -> int:
    page = client.jobs.list(arguments.state, limit=arguments.limit, offset=arguments.offset)
    for job in page.jobs:
        _show(arguments, job, printing.job(job))
    return 0


def _delete_job(client: Client, arguments: argparse.Namespace) -> int:
    client.jobs.delete(arguments.id)
    return 0


def _live(client: Client, arguments: argparse.Namespace) -> int:
    with ExitStack() as stack:
        file: BinaryIO = sys.stdin.buffer
        if arguments.file != "-":
            file = stack.enter_context(open(arguments.file, "rb"))  # noqa: PTH123  # as a path of the user
        stream, size = _format(file, arguments)
        speed = None if arguments.file == "-" else arguments.speed
        options: dict[str, Any] = options_of(arguments)
        session = stack.enter_context(
            client.live(
                encoding=stream.encoding,
                sampling_rate=stream.sampling_rate,
                channels=stream.channels,
                max_speed=speed,
                **options,
            )
        )
        _show(arguments, session.ready, printing.event(session.ready))
        session.feed(pieces_of(file, size))
        for event in session:
            _show(arguments, event, printing.event(event))
    return 0


def _format(file: BinaryIO, arguments: argparse.Namespace) -> tuple[StreamFormat, int | None]:
    """Return the format of the arguments, or that in the header of a file, and the bytes of the samples."""
    if arguments.encoding is None:
        try:
            return read_header(file)
        except ValueError as error:
            raise ValueError(f"{arguments.file}: {error}") from error
    if arguments.sampling_rate is None:
        raise ValueError("give --sampling-rate with --encoding")
    return StreamFormat(arguments.encoding, arguments.sampling_rate, arguments.channel_count), None


COMMANDS: dict[str, Callable[[Client, argparse.Namespace], int]] = {
    "recognize": _recognize,
    "timeline": _timeline,
    "models": _models,
    "jobs create": _create_job,
    "jobs get": _get_job,
    "jobs result": _result,
    "jobs list": _list_jobs,
    "jobs delete": _delete_job,
    "live": _live,
}
