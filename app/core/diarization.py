"""The speakers of a channel: parts of speech with similar voices belong together.

Ward's method (Ward 1963, doi 10.1080/01621459.1963.10500845) joins the parts to groups. If the number of
speakers is unknown, groups with similar or little speech are joined further.
"""

from collections.abc import Sequence
from typing import Literal

import fastcluster
import numpy as np
from numpy.typing import NDArray

from app.core.speaker_encoder import Embedding

MAX_SPEAKERS = 4

SIMILAR = 0.88
"""The cosine of the mean embeddings of two groups from which they are one speaker. This value and `SMALLEST`
were chosen in `docs/experiments.md`, "Separating speakers"."""

SMALLEST = 0.2
"""The share of the speech below which a group is no speaker of its own."""

NumberOfSpeakers = int | Literal["auto"]


def assign_speakers(
    voices: Sequence[Embedding], seconds: Sequence[float], n_speakers: NumberOfSpeakers
) -> list[int]:
    """Assign each part of speech to a speaker.

    Args:
        voices: the embedding of each part, float32, shape (256,), of length 1, in order of time.
        seconds: the duration of each part, in seconds.
        n_speakers: the number of speakers, 1 to 4, or `auto` to estimate it.

    Returns:
        The number of the speaker of each part, counted from 0 in the order in which they first speak. There
        are fewer speakers if there are fewer parts.

    Example:
        >>> high, low = np.eye(256, dtype=np.float32)[:2]
        >>> assign_speakers([low, high, low], [3.0, 2.0, 1.0], 2)
        [0, 1, 0]
    """
    if not len(voices):
        return []
    embeddings, weights = np.stack(voices).astype(np.float64), np.array(seconds)
    groups = _ward(embeddings, min(MAX_SPEAKERS if n_speakers == "auto" else n_speakers, len(voices)))
    if n_speakers == "auto":
        groups = _join(groups, embeddings, weights)
    order = list(dict.fromkeys(groups.tolist()))
    return [order.index(group) for group in groups.tolist()]


def _ward(embeddings: NDArray[np.float64], n_groups: int) -> NDArray[np.int64]:
    """Return the group of each embedding, by Ward's method."""
    n_parts = len(embeddings)
    members: dict[int, list[int]] = {part: [part] for part in range(n_parts)}
    if n_groups < n_parts:
        joins = fastcluster.linkage_vector(embeddings, method="ward")
        for number, (one, other, *_) in enumerate(joins[: n_parts - n_groups]):
            members[n_parts + number] = members.pop(int(one)) + members.pop(int(other))
    groups = np.zeros(n_parts, np.int64)
    for group, parts in enumerate(members.values()):
        groups[parts] = group
    return groups


def _join(
    groups: NDArray[np.int64], embeddings: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Join groups that are too similar or too small to be different speakers."""
    while groups.max() > 0:
        n_groups = groups.max() + 1
        totals = np.bincount(groups, weights)
        means = np.stack(
            [weights[groups == group] @ embeddings[groups == group] for group in range(n_groups)]
        )
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        similarities = means @ means.T - 2 * np.eye(n_groups)
        one, other = np.unravel_index(similarities.argmax(), similarities.shape)
        if similarities[one, other] < SIMILAR:
            one = totals.argmin()
            other = similarities[one].argmax()
            if totals[one] >= SMALLEST * totals.sum():
                break
        groups = np.unique(np.where(groups == other, one, groups), return_inverse=True)[1]
    return groups
