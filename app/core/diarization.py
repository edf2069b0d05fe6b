"""The speakers of a channel: parts of speech with similar voices belong together.

Ward's method (Ward 1963, doi 10.1080/01621459.1963.10500845) joins the parts to groups. If the number of
speakers is unknown, groups with similar or little speech are joined further. Finally, each part moves to
the group with the most similar mean, until none moves (spherical k-means, Dhillon & Modha 2001, doi
10.1023/A:1007612920971). Both methods compare voices relative to the mean voice of the channel, because
the properties that all voices share, such as those of the line, do not help to tell the speakers apart.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.core.speaker_encoder import Embedding

MAX_SPEAKERS = 4

SIMILAR = 0.88
"""The cosine of the mean embeddings of two groups from which they are one speaker. This value and `SMALLEST`
were chosen in `docs/experiments.md`, "Separating speakers"."""

SMALLEST = 0.2
"""The share of the speech below which a group is no speaker of its own."""

MAX_MOVES = 20
"""The largest number of rounds in which parts move between groups. Not tuned; five are usually enough."""

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
    relative = _normalized(embeddings - np.average(embeddings, axis=0, weights=weights))
    groups = _ward(relative, min(MAX_SPEAKERS if n_speakers == "auto" else n_speakers, len(voices)))
    if n_speakers == "auto":
        groups = _join(groups, embeddings, weights)
    groups = _refine(groups, relative, weights)
    order = list(dict.fromkeys(groups.tolist()))
    return [order.index(group) for group in groups.tolist()]


def _ward(embeddings: NDArray[np.float64], n_groups: int) -> NDArray[np.int64]:
    """Return the group of each embedding, by Ward's method."""
    n_parts = len(embeddings)
    members: dict[int, list[int]] = {part: [part] for part in range(n_parts)}
    if n_groups < n_parts:
        # The import loads SciPy, a third of the time of a start. Only this function needs it.
        import fastcluster  # noqa: PLC0415

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
        totals = np.bincount(groups, weights)
        means = _means(groups, embeddings, weights)
        similarities = means @ means.T - 2 * np.eye(len(means))
        one, other = np.unravel_index(similarities.argmax(), similarities.shape)
        if similarities[one, other] < SIMILAR:
            one = totals.argmin()
            other = similarities[one].argmax()
            if totals[one] >= SMALLEST * totals.sum():
                break
        groups = np.unique(np.where(groups == other, one, groups), return_inverse=True)[1]
    return groups


def _refine(
    groups: NDArray[np.int64], embeddings: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Move each embedding to the group with the most similar mean. No group becomes empty."""
    for _ in range(MAX_MOVES):
        moved = (embeddings @ _means(groups, embeddings, weights).T).argmax(axis=1)
        if np.array_equal(moved, groups) or len(np.unique(moved)) <= groups.max():
            break
        groups = moved
    return groups


def _means(
    groups: NDArray[np.int64], embeddings: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of each group, weighted by duration, of length 1."""
    members = [groups == group for group in range(groups.max() + 1)]
    return _normalized(np.stack([weights[own] @ embeddings[own] for own in members]))


def _normalized(embeddings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale embeddings to length 1; an embedding of length 0 stays."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(lengths > 0, lengths, 1.0)
