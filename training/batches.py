"""Batches of one epoch: shuffled, augmented, cropped, mixed.

A batch holds sequences of one length, so that nothing is padded: a network is never trained or
scored on frames that the service does not give it.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.dataset import Inputs
from training.folds import Indices

# The utterances of a chunk are cut into batches by length, so that little of them is cropped.
BATCHES_A_CHUNK = 8

Batch = dict[str, NDArray[np.float32]]


def of_equal_length(
    names: Collection[str], inputs: Inputs, indices: Indices, condition: str, batch_size: int
) -> Iterator[Indices]:
    """Cut utterances into batches of exactly equal length.

    Args:
        names: of the network's inputs; without `descriptors`, every utterance is as long as any other.
        inputs: of the fold.
        indices: of the utterances.
        condition: of the recordings.
        batch_size: the most utterances of a batch.
    """
    groups = [indices]
    if "descriptors" in names:
        lengths = inputs.descriptors[condition].lengths[indices]
        groups = [indices[lengths == length] for length in np.unique(lengths)]
    for group in groups:
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


def shuffled(
    lengths: NDArray[np.int64] | None, indices: Indices, batch_size: int, random: np.random.Generator
) -> Iterator[Indices]:
    """Cut utterances into random batches of similar length, in random order.

    Args:
        lengths: of all utterances; None if lengths do not matter.
        indices: of those to cut.
        batch_size: utterances of a batch.
        random: of the order.
    """
    chunk = batch_size * BATCHES_A_CHUNK
    shuffled = random.permutation(indices)
    batches = []
    for start in range(0, len(shuffled), chunk):
        part = shuffled[start : start + chunk]
        if lengths is not None:
            part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[place : place + batch_size] for place in range(0, len(part), batch_size)]
    for place in random.permutation(len(batches)):
        yield batches[place]


def assemble(
    names: Collection[str],
    inputs: Inputs,
    indices: Indices,
    conditions: Sequence[str],
    max_frames: int | None = None,
    random: np.random.Generator | None = None,
) -> Batch:
    """Put the features of utterances together.

    Args:
        names: of the network's inputs: `features`, `descriptors` or both.
        inputs: of the fold.
        indices: of n utterances.
        conditions: of each.
        max_frames: longer sequences are cropped to this length.
        random: places the crops; None: the sequences have equal lengths.

    Returns:
        `features`, shape (n, n_functionals), and `descriptors`, shape (n, n_frames,
        n_descriptors), where all are cropped to the shortest.
    """
    pairs = list(zip(conditions, indices, strict=True))
    batch: Batch = {}
    if "features" in names:
        batch["features"] = np.stack([inputs.functionals[condition][index] for condition, index in pairs])
    if "descriptors" in names:
        sequences = [inputs.descriptors[condition][index] for condition, index in pairs]
        n_frames = min(*map(len, sequences), max_frames or len(sequences[0]))
        batch["descriptors"] = np.stack([_crop(sequence, n_frames, random) for sequence in sequences])
    return batch


def _crop(
    sequence: NDArray[np.float32], n_frames: int, random: np.random.Generator | None
) -> NDArray[np.float32]:
    """A stretch of a sequence, at a random place."""
    start = 0 if random is None else int(random.integers(len(sequence) - n_frames + 1))
    return sequence[start : start + n_frames]


def mixup(
    batch: Batch, targets: NDArray[np.float32], alpha: float, random: np.random.Generator
) -> tuple[Batch, NDArray[np.float32]]:
    """Mix every utterance with another one of the batch (Zhang et al. 2018, arXiv 1710.09412).

    Args:
        batch: arrays with n as their first axis.
        targets: probabilities, shape (n, n_labels).
        alpha: of the Beta distribution that the shares come from; 0 mixes nothing.
        random: of shares and partners.

    Returns:
        The mixed batch, and its targets.
    """
    if not alpha:
        return batch, targets
    share = random.beta(alpha, alpha, len(targets)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    partner = random.permutation(len(targets))

    def mixed(values: NDArray[np.float32]) -> NDArray[np.float32]:
        own = share.reshape(-1, *[1] * (values.ndim - 1))
        return own * values + (1 - own) * values[partner]

    return {name: mixed(values) for name, values in batch.items()}, mixed(targets)
