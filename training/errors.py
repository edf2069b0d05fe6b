"""The errors of the offline package. `app.core.errors` shows the whole tree of errors."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from app.core.errors import SpeechEmotionError

N_SHOWN = 10


class TrainingError(SpeechEmotionError):
    """A run that cannot succeed. The message says why, and what to do."""


def with_hint(name: str, known: Collection[str]) -> str:
    """Quote an unknown name, with the nearest known name, if there is one, and all known names.

    Example:
        >>> with_hint("dens", ["ridge", "dense"])
        "'dens'; did you mean 'dense'? known are dense, ridge"
    """
    close = get_close_matches(name, known, n=1)
    return f"{name!r}; {f'did you mean {close[0]!r}? ' if close else ''}known are {', '.join(sorted(known))}"


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
