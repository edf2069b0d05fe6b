"""Adaptation to a speaker: answers relative to the speaker's usual voice.

In a call, each channel is one speaker with many segments. A bundle that adapts gives two scores of
each label for a segment: `logits`, and `offsets`, which a person's voice brings with it whatever is
felt. The mean of the offsets over the speaker's own segments is subtracted from the logits. With few
segments that mean is unreliable, so it is shrunk toward the training speech, whose mean is 0: n
segments weigh n / (n + STRENGTH), as a mean does under a prior worth STRENGTH observations (Gauvain
& Lee 1994, maximum a posteriori). The network learned from means of few and of many segments.
`docs/experiments.md` measures the effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRENGTH = 10.0
"""Segments that the training speech counts as; chosen on validation parts, see docs/experiments.md."""


@dataclass(frozen=True, slots=True)
class SpeakerScores:
    """The scores of one segment.

    Attributes:
        logits: of each label, calibrated.
        offsets: of each label, on the same scale.
    """

    logits: Sequence[float]
    offsets: Sequence[float]


def weight_of(n_segments: int) -> float:
    """The weight of a speaker's own mean, from 0 to 1."""
    return n_segments / (n_segments + STRENGTH)


def adapt(scores: Sequence[SpeakerScores]) -> NDArray[np.float64]:
    """Recognize the segments of one speaker, adapted to this speaker.

    Args:
        scores: of all segments of the speaker, n > 0.

    Returns:
        Probabilities, shape (n, n_labels); each row sums to 1.
    """
    logits = np.array([one.logits for one in scores])
    offsets = np.array([one.offsets for one in scores])
    return softmax(logits - weight_of(len(scores)) * offsets.mean(axis=0))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits to probabilities, along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities
