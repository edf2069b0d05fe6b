"""The readers of corpora, by name.

A reader is a function from a path to utterances with the corpus's own labels. The readers of formats take
any corpus. The reader of a known corpus takes its folder as published, and is a module of this package with
`FACTS` and `read`. To add a corpus, add such a module.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from training.data.corpora import audformat_folder, csv_file
from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance

Read = Callable[[Path], list[Utterance]]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
_CORPORA = [module for module in _MODULES if hasattr(module, "FACTS")]
FORMATS: dict[str, Read] = {"audformat": audformat_folder.read, "csv": csv_file.read}
READERS: dict[str, Read] = FORMATS | {module.FACTS.name: module.read for module in _CORPORA}
FACTS: dict[str, CorpusFacts] = {module.FACTS.name: module.FACTS for module in _CORPORA}

__all__ = ["FACTS", "FORMATS", "READERS", "CorpusFacts", "Utterance"]
