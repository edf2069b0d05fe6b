"""The readers of corpora, by name.

A reader is a function from a path to utterances with the corpus's own labels. The readers of formats take
any corpus. The reader of a known corpus takes its folder as published, and is a module of this package with
`FACTS` and `read`. To add a corpus, add such a module and name it in `CORPORA`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from training.data.corpora import (
    aesdd,
    audformat_folder,
    cafe,
    cremad,
    csv_file,
    emodb,
    emovdb,
    emovo,
    esd,
    iemocap,
    jl,
    meld,
    mspimprov,
    msppodcast,
    nemo,
    ravdess,
    savee,
    shemo,
    subesco,
    tess,
    turev,
    urdu,
)
from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance

Read = Callable[[Path], list[Utterance]]


class Corpus(Protocol):
    """A module that reads one corpus."""

    FACTS: CorpusFacts

    def read(self, folder: Path, /) -> list[Utterance]:
        """Read the utterances in the folder of the corpus."""


CORPORA: tuple[Corpus, ...] = (
    aesdd,
    cafe,
    cremad,
    emodb,
    emovdb,
    emovo,
    esd,
    iemocap,
    jl,
    meld,
    mspimprov,
    msppodcast,
    nemo,
    ravdess,
    savee,
    shemo,
    subesco,
    tess,
    turev,
    urdu,
)
FORMATS: dict[str, Read] = {"audformat": audformat_folder.read, "csv": csv_file.read}
READERS: dict[str, Read] = FORMATS | {corpus.FACTS.name: corpus.read for corpus in CORPORA}
FACTS: dict[str, CorpusFacts] = {corpus.FACTS.name: corpus.FACTS for corpus in CORPORA}

__all__ = ["FACTS", "FORMATS", "READERS", "CorpusFacts", "Utterance"]
