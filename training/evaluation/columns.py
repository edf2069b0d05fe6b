"""The tests of a comparison, each of which is a column of its table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.data.corpora import Utterance


@dataclass(frozen=True, slots=True)
class Column:
    """A test of every model.

    Attributes:
        title: the title: the protocol and, for published folds, the corpus.
        protocol: the name of the protocol.
        utterances: the utterances with their corpora's own labels.
    """

    title: str
    protocol: str
    utterances: Sequence[Utterance]


def columns(utterances: Sequence[Utterance], protocols: Sequence[str]) -> Iterator[Column]:
    """Yield the tests of protocols: one for each corpus with published folds, one for each other protocol."""
    for protocol in protocols:
        if protocol != "published-folds":
            yield Column(protocol, protocol, utterances)
            continue
        for corpus in dict.fromkeys(one.corpus for one in utterances if one.test_fold):
            members = [utterance for utterance in utterances if utterance.corpus == corpus]
            yield Column(f"{protocol}: {corpus}", protocol, members)
