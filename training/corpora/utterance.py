"""One labelled recording, and what the readers of corpora share."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from training.errors import TrainingError

SUFFIXES = {".wav", ".flac"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """One labelled recording.

    Attributes:
        path: the WAV or FLAC file.
        corpus: the name of the corpus.
        emotion: the corpus's own label, in English and lower case.
        speaker: whose voice it is. The same name in two corpora counts as the same person, so
            that no voice can stand on both sides of a split.
        sex: `m`, `f` or None.
        language: ISO 639 code, or None.
        test_fold: the published fold that tests it, or None.
    """

    path: Path
    corpus: str
    emotion: str
    speaker: str
    sex: str | None = None
    language: str | None = None
    test_fold: int | None = None

    def relabeled(self, emotion: str) -> "Utterance":
        """The same recording with another label."""
        return replace(self, emotion=emotion)


def named_files(folder: Path, pattern: re.Pattern[str]) -> list[tuple[Path, re.Match[str]]]:
    """Find the recordings of a corpus whose file names carry its labels.

    Args:
        folder: searched with all folders below it.
        pattern: of the whole file name without its suffix.

    Returns:
        Each recording with its match, ordered by file name.

    Raises:
        TrainingError: the folder is not there, or no file in it is named like that.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such folder")
    found = [
        (path, match)
        for path in sorted(folder.rglob("*"), key=lambda path: path.name)
        if path.suffix.lower() in SUFFIXES and (match := pattern.fullmatch(path.stem))
    ]
    if not found:
        raise TrainingError(f"{folder}: holds no WAV or FLAC file named like this corpus names its files")
    return found
