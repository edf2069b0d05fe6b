"""The types of the figures of a run, for `results.json`, the model card, the manifest and tables.

Shares are from 0 to 1.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from training.learning.abstention import Coverage
from training.learning.fairness import Gap
from training.learning.scores import MeanAndSd


@dataclass(frozen=True, slots=True)
class Uar(MeanAndSd):
    """Unweighted average recall over the folds.

    Attributes:
        interval_95: the 95 % bootstrap interval over speakers, of all test parts together.
    """

    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class FoldFigures:
    """The figures of one fold.

    Attributes:
        fold: the name of the fold.
        n_test: the number of utterances in the test part.
        uar: the UAR of the test part.
        accuracy: the accuracy of the test part.
        validation_uar: the UAR of the validation part.
        temperature: the temperature, fitted on the test parts of the other folds, or on the validation part
            if there is one fold.
        chosen: the further settings that the validation part selected, by name.
    """

    fold: str
    n_test: int
    uar: float
    accuracy: float
    validation_uar: float
    temperature: float
    chosen: dict[str, float]


@dataclass(frozen=True, slots=True)
class UnheardCorpus:
    """The figures of a corpus that did not train.

    Attributes:
        n_test: the number of utterances in the corpus.
        uar: the UAR of these utterances.
        accuracy: the accuracy of these utterances.
    """

    n_test: int
    uar: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class CallFigures:
    """The figures of the test parts as segments of simulated calls.

    Attributes:
        n_utterances: the number of utterances in the calls.
        found: the share of utterances that a segment contains.
        uar: the UAR of the segments.
        uar_adapted: the UAR of the segments with adaptation to the speaker; None if the model does not adapt.
        uar_one_by_one: the UAR of the same utterances as recorded, without a call.
    """

    n_utterances: int
    found: float
    uar: MeanAndSd
    uar_adapted: MeanAndSd | None
    uar_one_by_one: MeanAndSd


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error in 15 bins, over all test parts.

    Attributes:
        before: the error without a temperature.
        after: the error with the temperature of each fold.
    """

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a run.

    Attributes:
        model: the name of the model.
        refits: True if the final networks were trained on the training and validation parts.
        fits_weights: True if the validation parts gave the fusion weights of several networks.
        feature_set: the name of the feature set.
        protocol: the name of the protocol.
        protocol_summary: the description of the protocol for the model card.
        speakers_apart: True if no speaker is in two parts of a fold.
        seed: the seed of folds and training.
        labels: the labels in the order of the network's output.
        n_utterances: the number of utterances in all test parts.
        n_speakers: the number of speakers in all test parts.
        folds: the figures of each fold.
        uar: the UAR over the folds.
        accuracy: the accuracy over the folds.
        recall: the recall of each label over all test parts.
        confusion_matrix: the counts; a row is a true label, a column a recognized label.
        uar_by: the `uar` and the number of labels that occur, `n_labels`, by kind of group and group.
        fairness: the gap between groups of speakers, by kind of group (`sex`, `language`).
        uar_by_condition: the UAR over the folds by recording condition.
        unheard_corpora: the figures of corpora that did not train, by corpus; empty if there is one corpus.
        adaptation: the UAR by condition and number of segments; empty if the model does not adapt.
        calls: the figures of simulated calls by kind of call.
        calibration_error: the calibration error over all test parts.
        coverage: the scores of the answers with the highest confidence, over all test parts.
        data_sha256: the SHA-256 of the recordings.
        code_sha256: the SHA-256 of the code.
        versions: the versions of Python and of the libraries that determine the figures.
        training_seconds: the duration of the training of all folds in seconds.
    """

    model: str
    refits: bool
    fits_weights: bool
    feature_set: str
    protocol: str
    protocol_summary: str
    speakers_apart: bool
    seed: int
    labels: Sequence[str]
    n_utterances: int
    n_speakers: int
    folds: Sequence[FoldFigures]
    uar: Uar
    accuracy: MeanAndSd
    recall: Mapping[str, float]
    confusion_matrix: Sequence[Sequence[int]]
    uar_by: Mapping[str, Mapping[str, Mapping[str, float | int]]]
    fairness: Mapping[str, Gap]
    uar_by_condition: Mapping[str, MeanAndSd]
    unheard_corpora: Mapping[str, UnheardCorpus]
    adaptation: Mapping[str, Mapping[str, MeanAndSd]]
    calls: Mapping[str, CallFigures]
    calibration_error: CalibrationError
    coverage: Sequence[Coverage]
    data_sha256: str
    code_sha256: str
    versions: Mapping[str, str]
    training_seconds: int

    def to_json(self) -> bytes:
        """Return the content of `results.json`."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()
