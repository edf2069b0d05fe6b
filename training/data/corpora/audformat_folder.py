"""Any corpus in the format audformat: a folder with `db.yaml`, as `audb.load_to` writes it.

The columns are found by the names of schemes that the databases of audb share, which may also be labels of
another scheme: emotion, speaker, gender or sex, and language. A database with one language needs no such
column. Rows without an emotion are left out. Tables of a split of the type `test` are the test part of fold
1. The corpus has the name of the database. A row must be a whole file, because an utterance is a file.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from training.data.corpora.utterance import Utterance
from training.errors import TrainingError

HEADER = "db.yaml"
EMOTION, SPEAKER, GENDER, SEX, LANGUAGE = "emotion", "speaker", "gender", "sex", "language"
TEST = "test"
"""The type of the splits whose tables are the test part."""

SEXES = {"female": "f", "f": "f", "male": "m", "m": "m"}


def read(folder: Path) -> list[Utterance]:
    """Read the utterances of a database.

    Args:
        folder: the folder with `db.yaml`, the tables and the audio.

    Returns:
        The utterances. Their languages have ISO 639-1 codes, as in the other corpora, if such codes exist.

    Raises:
        TrainingError: the folder contains no database that can be read, a row is a part of a file or has no
            speaker, no row has an emotion, or a recording does not exist.
    """
    if not (folder / HEADER).is_file():
        raise TrainingError(f"{folder}: contains no {HEADER}, the header of a database in audformat")
    try:
        database = _load(folder)
        values = database.get(EMOTION, [SPEAKER, GENDER, SEX, LANGUAGE]).dropna(subset=[EMOTION])
        tests = [name for name, split in database.splits.items() if split.type == TEST]
        tested = database.get(EMOTION, splits=tests).index if tests else ()
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise TrainingError(f"{folder}: cannot be read as audformat ({error})") from error
    if values.empty:
        raise TrainingError(f"{folder}: has no column with the scheme {EMOTION}, or no value in it")
    test_files = {_file(folder, entry) for entry in tested}
    language = database.languages[0] if len(database.languages) == 1 else None
    rows = values.astype(object).where(values.notna(), None).to_dict("records")
    return [
        _utterance(database.name, file, {LANGUAGE: language} | _known(row), 1 if file in test_files else None)
        for file, row in zip([_file(folder, entry) for entry in values.index], rows, strict=True)
    ]


def _load(folder: Path) -> Any:  # noqa: ANN401  # audformat has no types
    """Load a database from its header and its plain tables.

    audformat would unpickle tables and build any object that the header names, which runs code of the
    folder. So the header is checked first, and a copy of the folder has no pickles. A cache of audb has each
    table also as CSV or Parquet.
    """
    import audformat  # noqa: PLC0415  # with pandas, it takes a second to load

    yaml.safe_load((folder / HEADER).read_text(encoding="utf-8"))
    with TemporaryDirectory() as copy:
        for file in (folder / HEADER, *folder.glob("db.*.csv"), *folder.glob("db.*.parquet")):
            shutil.copy(file, copy)
        return audformat.Database.load(copy, load_data=True)


def _utterance(corpus: str, file: Path, row: dict[str, Any], test_fold: int | None) -> Utterance:
    """Turn one row, by scheme and without missing values, into an utterance."""
    if not file.is_file():
        raise TrainingError(f"{file}: does not exist, but a table of the database lists it")
    if SPEAKER not in row:
        raise TrainingError(
            f"{file}: has no {SPEAKER} in the tables of the database; folds separate speakers"
        )
    return Utterance(
        path=file,
        corpus=corpus,
        emotion=str(row[EMOTION]).lower(),
        speaker=f"{corpus}-{row[SPEAKER]}",
        sex=SEXES.get(str(row.get(GENDER, row.get(SEX))).lower()),
        language=_short(row[LANGUAGE]),
        test_fold=test_fold,
    )


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a row that are not missing."""
    return {scheme: value for scheme, value in row.items() if value is not None}


def _file(folder: Path, entry: Any) -> Path:  # noqa: ANN401  # pandas gives a name, or a name, start and end
    """Return the file of an entry of an index of audformat."""
    if isinstance(entry, tuple):
        name, start, end = entry
        if start.total_seconds() > 0 or str(end) != "NaT":
            raise TrainingError(
                f"{folder}: {name} has several segments; save each as a file, and list the files for csv=FILE"
            )
        return folder / str(name)
    return folder / str(entry)


def _short(language: str | None) -> str | None:
    """Return the ISO 639-1 code of a language, or the given code if there is none."""
    from iso639 import Lang  # noqa: PLC0415  # a dependency of audformat
    from iso639.exceptions import InvalidLanguageValue  # noqa: PLC0415

    if language is None:
        return None
    try:
        return Lang(language).pt1 or language
    except InvalidLanguageValue:
        return language
