"""A labeled recording, and the search for recordings that the readers of corpora share."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from training.errors import TrainingError

SUFFIXES = {".wav", ".flac"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """One labeled recording.

    Attributes:
        path: the path of the WAV or FLAC file.
        corpus: the name of the corpus.
        emotion: the corpus's own label, in English and lower case.
        speaker: the name of the speaker. The same name in two corpora counts as one speaker, so that no
            speaker can be in two parts of a fold.
        sex: the sex of the speaker, `m` or `f`, or None.
        language: the ISO 639 code of the language, or None.
        test_fold: the number of the published fold whose test part has the utterance, or None.
    """

    path: Path
    corpus: str
    emotion: str
    speaker: str
    sex: str | None = None
    language: str | None = None
    test_fold: int | None = None

    def relabeled(self, emotion: str) -> "Utterance":
        """Return the same recording with another label."""
        return replace(self, emotion=emotion)


def named_files(folder: Path, pattern: re.Pattern[str], example: str) -> list[tuple[Path, re.Match[str]]]:
    """Find the recordings of a corpus whose file names contain the labels.

    Args:
        folder: the folder, which is searched recursively.
        pattern: the pattern of the whole file name without its suffix.
        example: the path of one recording in the published folder, for the error.

    Returns:
        Each recording with its match, ordered by file name.

    Raises:
        TrainingError: the folder does not exist, or no file name matches.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such folder")
    found = [
        (path, match)
        for path in sorted(folder.rglob("*"), key=lambda path: path.name)
        if path.suffix.lower() in SUFFIXES and (match := pattern.fullmatch(path.stem))
    ]
    if not found:
        raise TrainingError(
            f"{folder}: contains no WAV or FLAC file named like this corpus, for example {example}; check "
            "KIND and PATH of --corpus"
        )
    return found
