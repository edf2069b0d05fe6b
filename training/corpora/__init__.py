"""The corpora that can be read, by name.

A reader is a function from a path (a folder, or a CSV file) to utterances with the corpus's own
labels. A new one is a file here and a line in `READERS`.
"""

from collections.abc import Callable
from pathlib import Path

from training.corpora import csv_file, emodb, ravdess, shemo
from training.corpora.utterance import Utterance

READERS: dict[str, Callable[[Path], list[Utterance]]] = {
    "csv": csv_file.read,
    "emodb": emodb.read,
    "ravdess": ravdess.read,
    "shemo": shemo.read,
}

__all__ = ["READERS", "Utterance"]
