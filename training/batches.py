"""Batches of one epoch: shuffled, augmented, padded, mixed."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.dataset import Inputs
from training.folds import Indices

# Batches of a chunk are cut by length, so that little of them is padding.
BATCHES_A_CHUNK = 8
# TensorFlow prepares a convolution anew for every length that it has not seen.
PADDED_TO = 32

Batch = dict[str, NDArray[np.float32]]


def in_order_of_length(inputs: Inputs, indices: Indices, batch_size: int) -> list[Indices]:
    """Cut utterances into batches of like length."""
    lengths = [len(inputs.descriptors["clean"][index]) for index in indices]
    ordered = indices[np.argsort(lengths, kind="stable")]
    return [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]


def shuffled(
    inputs: Inputs, indices: Indices, batch_size: int, random: np.random.Generator
) -> Iterator[Indices]:
    """Cut utterances into random batches of like length, in random order."""
    chunk = batch_size * BATCHES_A_CHUNK
    shuffled = random.permutation(indices)
    batches = [
        batch
        for start in range(0, len(shuffled), chunk)
        for batch in in_order_of_length(inputs, shuffled[start : start + chunk], batch_size)
    ]
    for place in random.permutation(len(batches)):
        yield batches[place]


def assemble(
    names: Collection[str],
    inputs: Inputs,
    indices: Indices,
    conditions: Sequence[str],
    max_frames: int | None = None,
) -> Batch:
    """Put the features of utterances together.

    Args:
        names: of what is wanted: `features`, `descriptors` or both.
        inputs: of the fold.
        indices: of n utterances.
        conditions: under which each is heard.
        max_frames: longer sequences are cut to this length around their middle.

    Returns:
        `features`, shape (n, n_functionals), and `descriptors`, shape (n, n_frames,
        n_descriptors), where shorter sequences end in zeros.
    """
    pairs = list(zip(conditions, indices, strict=True))
    batch: Batch = {}
    if "features" in names:
        batch["features"] = np.stack([inputs.functionals[condition][index] for condition, index in pairs])
    if "descriptors" in names:
        sequences = [_cut(inputs.descriptors[condition][index], max_frames) for condition, index in pairs]
        batch["descriptors"] = _pad(sequences)
    return batch


def _pad(sequences: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Stack sequences, zeros after the end."""
    n_frames = -(-max(map(len, sequences)) // PADDED_TO) * PADDED_TO
    padded = np.zeros((len(sequences), n_frames, sequences[0].shape[1]), np.float32)
    for place, sequence in enumerate(sequences):
        padded[place, : len(sequence)] = sequence
    return padded


def _cut(sequence: NDArray[np.float32], max_frames: int | None) -> NDArray[np.float32]:
    """The middle of a long sequence."""
    if max_frames is None or len(sequence) <= max_frames:
        return sequence
    start = (len(sequence) - max_frames) // 2
    return sequence[start : start + max_frames]


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
