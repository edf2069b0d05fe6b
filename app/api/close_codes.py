"""The codes with which the service closes a live session."""

from dataclasses import dataclass

from app.api.live_connection import ERROR_CODES, GOING_AWAY, NORMAL
from app.api.problem_table import PROBLEMS
from app.api.security import AccessError
from app.core.errors import (
    AudioTooLong,
    ChannelNotFound,
    ChannelNotPermitted,
    ModelNotFound,
    RolesMismatch,
    SpeechEmotionError,
)
from app.live.connection import LiveError
from app.pool.errors import DeadlineExceeded, NotReady

ERRORS = (
    AccessError,
    AudioTooLong,
    ChannelNotFound,
    ChannelNotPermitted,
    DeadlineExceeded,
    LiveError,
    ModelNotFound,
    NotReady,
    RolesMismatch,
)
"""The errors that end a session, with their subclasses."""


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A code and its meaning.

    Attributes:
        code: the close code of the WebSocket.
        meaning: the reason of the service.
        problem: the code of the problem document that comes before; empty if there is none.
    """

    code: int
    meaning: str
    problem: str = ""


def close_codes() -> list[CloseCode]:
    """Return the codes of the protocol, then those of the problems by status."""
    problems = [
        CloseCode(ERROR_CODES + problem.status, problem.title, problem.code)
        for error, problem in PROBLEMS.items()
        if issubclass(error, ERRORS) or error is SpeechEmotionError
    ]
    return [
        CloseCode(NORMAL, "The stream is complete"),
        CloseCode(1009, "A message is larger than SER_LIVE_MAX_MESSAGE_BYTES"),
        CloseCode(GOING_AWAY, "The service stops. Connect again: another replica answers"),
        *sorted(problems, key=lambda row: row.code),
    ]
