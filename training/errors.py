"""The errors of the offline package. `app.core.errors` shows the whole tree of errors."""

from collections.abc import Iterable
from pathlib import Path

from app.core.errors import SpeechEmotionError

N_SHOWN = 10


class TrainingError(SpeechEmotionError):
    """A run that cannot succeed. The message says why, and what to do."""


def undecodable(failures: Iterable[tuple[Path, str]], n_recordings: int) -> TrainingError:
    """Return the error of recordings that cannot be analyzed.

    Args:
        failures: the path of each of these recordings, and the reason. The message names the first ten.
        n_recordings: the number of all recordings.
    """
    lines = [f"  {path}: {reason}" for path, reason in failures]
    shown = "\n".join(lines[:N_SHOWN])
    return TrainingError(
        f"{len(lines)} of {n_recordings} recordings cannot be analyzed; repair them, or skip them with "
        f"--skip-undecodable:\n{shown}"
    )
