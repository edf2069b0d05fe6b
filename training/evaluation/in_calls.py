"""Evaluation of each fold on simulated calls, segmented as in the service.

The networks of a fold recognize the segments that contain utterances of its test part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.data.dataset import standardize_list
from training.errors import TrainingError
from training.evaluation.answer import answer
from training.evaluation.call_segments import CallSegments
from training.evaluation.fold import FoldResult
from training.learning.scores import uar
from training.learning.speaker import adapt_groups


@dataclass(frozen=True, slots=True)
class UarInCalls:
    """The UAR of a fold's networks in calls.

    Attributes:
        plain: the UAR of the segments that contain utterances of the test part.
        adapted: the UAR of these segments with adaptation to the speaker; None if the model does not adapt.
        as_recorded: the UAR of the utterances as recorded, without a call.
    """

    plain: float
    adapted: float | None
    as_recorded: float


def uar_in_calls(result: FoldResult, calls: Sequence[CallSegments]) -> UarInCalls:
    """Score the networks of a fold in calls.

    Args:
        result: the result of the fold.
        calls: the calls of the dataset's speakers. Utterances outside the test part do not count.

    Raises:
        TrainingError: no segment of the calls contains an utterance of the test part.
    """
    tested = {int(index): place for place, index in enumerate(result.fold.test)}
    places: list[int] = []
    plain, adapted = [], []
    for call in calls:
        counted = [place for place, index in enumerate(call.utterances.tolist()) if index in tested]
        if not counted:
            continue
        probabilities = answer(result, call.features)
        plain.append(probabilities[counted])
        if result.speaker:
            # The service uses all segments of a channel for the adaptation, so this code does so too.
            statistics = standardize_list(call.features, result.scaler).functionals["clean"][:]
            scores = result.speaker.scores(statistics, probabilities)
            adapted.append(adapt_groups(*scores, [np.arange(len(probabilities))])[counted])
        places += [tested[index] for index in call.utterances[counted].tolist()]
    if not places:
        raise TrainingError(
            f"fold {result.fold.name}: no utterance of its test part was found in the simulated calls; "
            "give --calls without a name to skip the calls"
        )
    truth = result.truth[places]
    alone = np.array([tested[index] for call in calls for index in call.said.tolist() if index in tested])
    return UarInCalls(
        uar(truth, np.concatenate(plain).argmax(axis=1)),
        uar(truth, np.concatenate(adapted).argmax(axis=1)) if adapted else None,
        uar(result.truth[alone], result.recognized()[alone]),
    )
