"""Any corpus, described by a CSV file.

The first line names the columns: path (relative to the CSV file), emotion, speaker and, optionally, sex,
language and test_fold. The name of the corpus is the name of the folder that contains the file.
"""

from pathlib import Path

from training.data.corpora.tables import read_table
from training.data.corpora.utterance import Utterance
from training.errors import TrainingError

REQUIRED = ("path", "emotion", "speaker")


def read(path: Path) -> list[Utterance]:
    """Read the utterances that a CSV file lists.

    Raises:
        TrainingError: the file cannot be read, a column or a value is missing, or a recording does not
            exist.
    """
    rows = read_table(path, REQUIRED)
    if not rows:
        raise TrainingError(f"{path}: lists no utterance")
    return [_utterance(path, number, row) for number, row in enumerate(rows, start=2)]


def _utterance(table: Path, number: int, values: dict[str, str]) -> Utterance:
    """Turn one row into an utterance."""
    empty = [column for column in REQUIRED if not values[column]]
    if empty:
        raise TrainingError(f"{table}:{number}: no {', '.join(empty)}")
    audio = table.parent / values["path"]
    if not audio.is_file():
        raise TrainingError(f"{table}:{number}: {audio} does not exist")
    fold = values.get("test_fold", "")
    if fold and not fold.isdecimal():
        raise TrainingError(f"{table}:{number}: test_fold is {fold!r}, not a number")
    return Utterance(
        path=audio,
        corpus=table.resolve().parent.name,
        emotion=values["emotion"].lower(),
        speaker=values["speaker"],
        sex=values.get("sex") or None,
        language=values.get("language") or None,
        test_fold=int(fold) if fold else None,
    )
