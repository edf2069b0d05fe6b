"""The corpora of the command line: their table, the facts of one, and their utterances."""

import argparse
from collections.abc import Sequence
from functools import partial

from training.data.corpora import FACTS, FORMATS, READERS, CorpusFacts, Utterance, shemo
from training.data.labels import target_of
from training.errors import TrainingError

COLUMNS = ("name", "languages", "speakers", "utterances", "folds", "terms", "labels")
BY_RELEASE = "by release"


def table() -> str:
    """Return a table of all corpora as text, one line each, after the names of the columns."""
    rows = [COLUMNS, *map(_row, FACTS.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in rows]
    formats = ", ".join(f"{name}=PATH" for name in FORMATS)
    return "\n".join(
        [*(line.rstrip() for line in lines), "", f"Any other corpus: {formats} (docs/train.md)."]
    )


def details(name: str) -> str:
    """Return the facts of a corpus as text.

    Args:
        name: the name of a corpus in `FACTS`.
    """
    facts = FACTS[name]
    lines = [
        f"{facts.title} (--corpus {name}=FOLDER)",
        f"citation    {facts.citation}",
        f"terms       {facts.terms} (as far as known here; read them at the source)",
        f"source      {facts.source}",
        f"languages   {', '.join(facts.languages)}",
        f"speakers    {_number(facts.n_speakers)}",
        f"utterances  {_number(facts.n_utterances)}",
        f"folds       {facts.folds or 'none'}",
        "",
        "A recording in FOLDER, for example:",
        f"    {facts.example}",
    ]
    if facts.needs:
        lines += ["Further files in FOLDER:", *(f"    {path}" for path in facts.needs)]
    width = max(map(len, facts.labels))
    lines += ["", "Own label and emotion:"]
    lines += [f"    {own:{width}}  {target_of(name, own) or 'left out'}" for own in sorted(facts.labels)]
    return "\n".join(lines)


def _row(facts: CorpusFacts) -> Sequence[str]:
    """Return the values of a corpus in the columns of the table."""
    return (
        facts.name,
        ", ".join(facts.languages),
        _number(facts.n_speakers),
        _number(facts.n_utterances),
        "yes" if facts.folds else "no",
        facts.terms,
        ", ".join(sorted(facts.labels)),
    )


def _number(value: int | None) -> str:
    """Return a number of speakers or utterances as text."""
    return BY_RELEASE if value is None else f"{value:,}"


def read(options: argparse.Namespace) -> list[Utterance]:
    """Read every corpus of a command line.

    Args:
        options: the options of the command line.

    Raises:
        TrainingError: a corpus cannot be read, or a recording is listed twice.
    """
    readers = READERS | {"shemo": partial(shemo.read, labels=options.shemo_labels)}
    utterances = [utterance for kind, path in options.corpus for utterance in readers[kind](path)]
    if len({utterance.path.resolve() for utterance in utterances}) < len(utterances):
        raise TrainingError("a recording is listed twice: is a corpus given twice?")
    return utterances
