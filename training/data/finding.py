"""A problem of a data set, the data in which it is found, and its wording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.manifest import LabelMapping
from training.data.corpora import Utterance
from training.data.corpus_counts import target_name
from training.data.duplicates import Copies
from training.data.labels import FIVE_EMOTIONS
from training.data.recording_facts import RecordingFacts

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of a data set.

    Attributes:
        kind: the name of the problem, which does not change between versions.
        severity: `critical` if a result may be wrong, `warning` if it may be biased or a part is lost, `info`
            if it is only worth knowing.
        n: the number of recordings, speakers or labels that the problem concerns.
        text: what was found.
        advice: what to do.
        names: the names of the speakers, labels or recordings, if they are not listed elsewhere.
    """

    kind: str
    severity: Severity
    n: int
    text: str
    advice: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """Labeled recordings with their measurements.

    Attributes:
        utterances: the utterances with their corpora's own labels.
        facts: the facts of each recording, or the reason if it cannot be decoded.
        copies: the groups of copies.
        mapping: the mapping of the labels to those of a model.
    """

    utterances: Sequence[Utterance]
    facts: Sequence[RecordingFacts | str]
    copies: Sequence[Copies]
    mapping: LabelMapping = FIVE_EMOTIONS

    def target(self, utterance: Utterance) -> str:
        """Return the label of the model that the label of an utterance maps to, or why it has none."""
        return target_name(utterance, self.mapping)


def recordings(n: int) -> str:
    """Return a number of recordings."""
    return number(n, "recording", "recordings")


def plural(text: str) -> str:
    """Return a text about one recording as a text about several."""
    verb, rest = text.split(" ", 1)
    return " ".join(({"has": "have", "is": "are"}[verb], rest.replace(" its ", " their ")))


def number(n: int, one: str, several: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {one if n == 1 else several}"
