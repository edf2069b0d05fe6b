"""The answers and the streams that the clients of a chaos run receive."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """An answer to a request.

    Attributes:
        status: the HTTP status; 0 without an answer.
        code: the code of the problem document, or the kind of the error of the connection; empty
            for a success.
        content: the content of a success.
        request: the ID of the request in the logs, of an error.
    """

    status: int
    code: str = ""
    content: object = None
    request: str = ""


@dataclass(frozen=True)
class Stream:
    """A live call, as its client received it.

    Attributes:
        segments: the messages `segment`, without their sequence.
        timeline: the timeline of the summary; None if there was none.
        end: the reason of the message `closed`, or the code of the error that ended the call.
        sequences: the sequence of every message.
    """

    segments: Sequence[object]
    timeline: object
    end: str
    sequences: Sequence[int] = ()
