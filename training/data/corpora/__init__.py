"""The readers of corpora, by name.

A reader is a function from a path (a folder or a CSV file) to utterances with the corpus's own labels.
To add a reader, add a module to this package and an entry to `READERS`.
"""

from collections.abc import Callable
from pathlib import Path

from training.data.corpora import csv_file, emodb, ravdess, shemo
from training.data.corpora.utterance import Utterance

READERS: dict[str, Callable[[Path], list[Utterance]]] = {
    "csv": csv_file.read,
    "emodb": emodb.read,
    "ravdess": ravdess.read,
    "shemo": shemo.read,
}

__all__ = ["READERS", "Utterance"]
