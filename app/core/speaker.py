"""Speaker adaptation: answers relative to the usual voice of the speaker.

In a call, each channel is one speaker with many segments. A bundle that adapts computes two scores of each
label for a segment: `logits`, and `offsets`, which describe the voice of the speaker independent of the
emotion. The mean of the offsets over the segments of the speaker is subtracted from the logits. With few
segments, that mean is unreliable. Therefore the mean is shrunk toward that of the training speech, which is
0: n segments have the weight n / (n + STRENGTH). This weight corresponds to a prior of STRENGTH observations
(Gauvain & Lee 1994, maximum a posteriori). The offsets are scores of a regression that was trained on
utterances as they are and relative to the mean of their speaker. `docs/experiments.md` measures the effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRENGTH = 10.0
"""Weight of the training speech, in segments. Chosen on validation parts, see docs/experiments.md."""


@dataclass(frozen=True, slots=True)
class SpeakerScores:
    """The scores of one segment.

    Attributes:
        logits: the calibrated logit of each label.
        offsets: the offset of each label, on the scale of the logits.
    """

    logits: Sequence[float]
    offsets: Sequence[float]


def weight_of(n_segments: int) -> float:
    """Return the weight of the mean of a speaker, from 0 to 1."""
    return n_segments / (n_segments + STRENGTH)


def adapt(scores: Sequence[SpeakerScores]) -> NDArray[np.float64]:
    """Compute the probabilities of the segments of one speaker, adapted to this speaker.

    Args:
        scores: the scores of all n segments of the speaker, n > 0.

    Returns:
        Probabilities, shape (n, n_labels); each row sums to 1.
    """
    logits = np.array([score.logits for score in scores])
    offsets = np.array([score.offsets for score in scores])
    return softmax(logits - weight_of(len(scores)) * offsets.mean(axis=0))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert logits to probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities
