"""Batches of utterances: shuffled, augmented, cropped and mixed.

All sequences of a batch have the same length, so no frame is padded. A network is never trained or scored
on frames that do not occur in the service.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Inputs
from training.data.folds import Indices

BATCHES_A_CHUNK = 8
"""The number of batches that are sorted by length at once, so that cropping removes few frames. Not tuned."""

Batch = dict[str, NDArray[np.float32]]


def of_equal_length(
    names: Collection[str], inputs: Inputs, indices: Indices, condition: str, batch_size: int
) -> Iterator[Indices]:
    """Cut utterances into batches of exactly equal length.

    Args:
        names: the names of the network's inputs. Without `descriptors`, all utterances have equal length.
        inputs: the inputs of the fold.
        indices: the indices of the utterances.
        condition: the condition of the recordings.
        batch_size: the maximum number of utterances in a batch.

    Yields:
        The indices of the utterances in each batch.
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
        lengths: the lengths of all utterances, shape (n,); None if the lengths do not matter.
        indices: the indices of the utterances to cut.
        batch_size: the number of utterances in a batch.
        random: the generator of the order.

    Yields:
        The indices of the utterances in each batch.
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
    """Combine the features of utterances into a batch.

    Args:
        names: the names of the network's inputs: `features`, `descriptors` or both.
        inputs: the inputs of the fold.
        indices: the indices of n utterances.
        conditions: the condition of each utterance.
        max_frames: the length in frames to which longer sequences are cropped.
        random: the generator of the positions of the crops; None if the sequences have equal lengths.

    Returns:
        `features`, shape (n, n_functionals), and `descriptors`, shape (n, n_frames, n_descriptors). All
        sequences are cropped to the shortest.
    """
    pairs = list(zip(conditions, indices, strict=True))
    batch: Batch = {}
    if "features" in names:
        batch["features"] = _functionals(inputs, indices, conditions)
    if "descriptors" in names:
        sequences = [inputs.descriptors[condition][index] for condition, index in pairs]
        n_frames = min(*map(len, sequences), max_frames or len(sequences[0]))
        batch["descriptors"] = np.stack([_crop(sequence, n_frames, random) for sequence in sequences])
    return batch


def _functionals(inputs: Inputs, indices: Indices, conditions: Sequence[str]) -> NDArray[np.float32]:
    """Return the functionals of utterances, each under its condition, which is read at once."""
    rows = np.empty((len(indices), inputs.functionals["clean"].shape[1]), np.float32)
    names = np.asarray(conditions)
    for condition in dict.fromkeys(conditions):
        own = names == condition
        rows[own] = inputs.functionals[condition][np.asarray(indices)[own]]
    return rows


def _crop(
    sequence: NDArray[np.float32], n_frames: int, random: np.random.Generator | None
) -> NDArray[np.float32]:
    """Return `n_frames` frames of a sequence, at a random position."""
    start = 0 if random is None else int(random.integers(len(sequence) - n_frames + 1))
    return sequence[start : start + n_frames]


def mixup(
    batch: Batch, targets: NDArray[np.float32], alpha: float, random: np.random.Generator
) -> tuple[Batch, NDArray[np.float32]]:
    """Mix every utterance with another utterance of the batch (Zhang et al. 2018, arXiv 1710.09412).

    Args:
        batch: the inputs, with n as their first axis.
        targets: the target probabilities, shape (n, n_labels).
        alpha: the parameter of the Beta distribution of the mixing weights; 0 mixes nothing.
        random: the generator of the mixing weights and the partners.

    Returns:
        The mixed batch and its targets.
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
