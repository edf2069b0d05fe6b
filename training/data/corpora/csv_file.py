"""Any corpus, described by a CSV file.

The first line names the columns: path (relative to the CSV file), emotion, speaker and, optionally, sex,
language and test_fold. The name of the corpus is the name of the folder that contains the file.
"""

import csv
from pathlib import Path

from training.data.corpora.utterance import Utterance
from training.errors import TrainingError

REQUIRED = ("path", "emotion", "speaker")


def read(path: Path) -> list[Utterance]:
    """Read the utterances that a CSV file lists.

    Raises:
        TrainingError: the file cannot be read, a column or a value is missing, or a recording does not
            exist.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
            if missing:
                raise TrainingError(f"{path}: no column {', '.join(missing)} in the first line")
            rows = [_utterance(path, number, row) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path}: cannot be read as CSV ({error})") from error
    if not rows:
        raise TrainingError(f"{path}: lists no utterance")
    return rows


def _utterance(table: Path, number: int, row: dict[str, str | None]) -> Utterance:
    """Turn one row into an utterance."""
    values = {column: (value or "").strip() for column, value in row.items() if column}
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
