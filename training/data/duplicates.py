"""Search for copies of recordings among all recordings, exact or re-encoded.

1. Recordings with equal samples are exact copies.
2. The nearest neighbors of each fingerprint (`training.data.fingerprint`) are candidates. Blocks of a matrix
   product give the distances, so that the memory does not grow with the square of the number of recordings.
3. The cross-correlation of the samples decides: two recordings are copies if their samples agree, apart from
   level and position. Different utterances of one sentence by one speaker do not agree in this way.

Fingerprints and a comparison afterwards are the scheme of Haitsma & Kalker (2002, "A highly robust audio
fingerprinting system", ISMIR). One fingerprint of the whole is enough for recordings of one utterance.
A copy at another speed is not found, and neither is a copy from which half of the energy was cut off.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.fft import ifft, irfft, next_fast_len, rfft
from tqdm import tqdm

from app.core.audio import Signal, decode, resample, select_channel
from app.core.files import write_whole
from training.data.recording_facts import RecordingFacts
from training.processes import run

LIMIT = 0.15
"""The largest distance between the fingerprints of candidates. `docs/experiments.md`, "Copies of
recordings", has the distances of copies and of different utterances."""

N_NEIGHBORS = 3
"""The number of nearest recordings that are compared with each recording. A larger number would find no
larger groups, because copies of copies are in one group."""

SIMILAR = 0.75
"""The smallest similarity of copies. `docs/experiments.md`, "Copies of recordings", measures both sides."""

RATE = 8_000
"""The sampling rate of the comparison in Hz, that of a telephone line."""

BAND = (300.0, 2_000.0)
"""The compared band in Hz, that of Haitsma & Kalker. Telephone lines and codecs keep its wave form."""

SHORTEST = 0.1
"""The duration of the shortest compared recording, in seconds. Not tuned."""

OVERLAP = 0.5
"""The smallest part of the shorter recording that both must have, in time and in energy."""

ROWS, COLUMNS = 2_048, 8_192
"""The size of a block of distances, which takes 64 MiB."""

N_BLOCKS_SHOWN = 5
"""The number of blocks of rows from which the search takes long enough for a progress bar."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Copies:
    """Recordings of the same sound.

    Attributes:
        members: the indices of the recordings, ascending, at least two.
        exact: True if all have equal samples.
        similarity: the smallest similarity that links two of them; 1 if `exact`.
    """

    members: tuple[int, ...]
    exact: bool
    similarity: float


def find_copies(
    paths: Sequence[Path], facts: Sequence[RecordingFacts | None], cache_folder: Path
) -> list[Copies]:
    """Find the groups of recordings that are copies of each other.

    Args:
        paths: the recordings.
        facts: the facts of each recording; None if it cannot be decoded. Silent recordings have no copies.
        cache_folder: the folder that keeps the comparisons of samples, which later runs use again.

    Returns:
        The groups, ordered by their first recording.
    """
    links: list[tuple[int, int, float]] = []
    first: dict[str, int] = {}
    for index, one in enumerate(facts):
        if one is not None and one.level is not None:
            original = first.setdefault(one.sha256, index)
            if original != index:
                links.append((original, index, 1.0))
    distinct = {
        index: one for index in first.values() if (one := facts[index]) is not None and one.fingerprint.size
    }
    links += _near(paths, distinct, cache_folder)
    return _groups(links, facts)


def _near(
    paths: Sequence[Path], distinct: Mapping[int, RecordingFacts], cache_folder: Path
) -> list[tuple[int, int, float]]:
    """Compare the candidates. Return the pairs that are copies, with their similarity."""
    indices = list(distinct)
    jobs = [
        (indices[row], [indices[column] for column in columns])
        for row, columns in candidates([one.fingerprint for one in distinct.values()])
    ]
    work = (
        (
            paths[index],
            [paths[other] for other in others],
            _kept_at(cache_folder, [distinct[one].sha256 for one in (index, *others)]),
        )
        for index, others in jobs
    )
    compared = run(_compare, work, len(jobs), "comparing")
    return [
        (index, other, similarity)
        for (index, others), similarities in zip(jobs, compared, strict=True)
        for other, similarity in zip(others, similarities, strict=True)
        if similarity >= SIMILAR
    ]


def candidates(
    fingerprints: Sequence[NDArray[np.float16]], limit: float = LIMIT, n_neighbors: int = N_NEIGHBORS
) -> Iterator[tuple[int, list[int]]]:
    """Find the nearest neighbors of each fingerprint.

    Args:
        fingerprints: n fingerprints, of the same size.
        limit: the largest distance of a neighbor.
        n_neighbors: the largest number of neighbors.

    Yields:
        The index of a fingerprint, and those of its neighbors that did not have it as a neighbor before.
    """
    seen: set[tuple[int, int]] = set()
    starts = range(0, len(fingerprints), ROWS)
    for start in tqdm(starts, "searching", disable=len(starts) < N_BLOCKS_SHOWN):
        rows, columns, distances = _within(fingerprints, start, limit)
        order = np.lexsort((distances, rows))
        for part in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
            if not part.size:
                continue
            row = int(rows[part[0]])
            nearest = [int(columns[place]) for place in part[:n_neighbors]]
            fresh = [column for column in nearest if (column, row) not in seen]
            seen.update((row, column) for column in fresh)
            if fresh:
                yield row, fresh


def _within(
    fingerprints: Sequence[NDArray[np.float16]], start: int, limit: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Samples]:
    """Return the pairs of a block of rows whose distance is at most `limit`: rows, columns and distances."""
    block = np.array(fingerprints[start : start + ROWS], np.float32)
    found = []
    for left in range(0, len(fingerprints), COLUMNS):
        others = np.array(fingerprints[left : left + COLUMNS], np.float32)
        squares = (block**2).sum(axis=1)[:, np.newaxis] + (others**2).sum(axis=1) - 2 * block @ others.T
        rows, columns = np.nonzero(squares <= limit**2)
        near = squares[rows, columns]
        other = rows + start != columns + left
        found.append((rows[other] + start, columns[other] + left, near[other]))
    rows, columns, distances = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, columns, distances


def _kept_at(cache_folder: Path, hashes: Sequence[str]) -> Path:
    """Return the path of the kept comparison of a recording, the first, with others."""
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    name = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    return cache_folder / f"copies-{code}" / f"{name}.json"


def _compare(path: Path, others: Sequence[Path], kept: Path) -> list[float]:
    """Return the similarity of a recording with each of the others, from the cache if it has them."""
    if kept.is_file():
        return cast("list[float]", json.loads(kept.read_bytes()))
    signal, *rest = (select_channel(decode(one.read_bytes()), "mix") for one in (path, *others))
    similarities = [similarity(signal, other) for other in rest]
    write_whole(kept, json.dumps(similarities).encode())
    return similarities


def similarity(first: Signal, second: Signal) -> float:
    """Compare the samples of two recordings at the position where they agree best.

    Args:
        first: a signal of one channel, at any sampling rate.
        second: another signal of one channel.

    Returns:
        The normalized correlation of the samples that overlap, from 0 to 1, in `BAND`.
        It is the envelope of the correlation at twice the sampling rate. So it depends little on a shift of
        half a sample, and not on a constant shift of the phase.
    """
    a, b = _in_band(first), _in_band(second)
    if min(len(a), len(b)) < SHORTEST * RATE:
        return 0.0
    lags = np.arange(-len(b) + 1, len(a))
    start, stop = np.maximum(lags, 0), np.minimum(lags + len(b), len(a))
    energy_a, energy_b = (np.concatenate([[0.0], np.cumsum(one**2)]) for one in (a, b))
    shared_a, shared_b = energy_a[stop] - energy_a[start], energy_b[stop - lags] - energy_b[start - lags]
    enough = (
        (stop - start >= OVERLAP * min(len(a), len(b)))
        & (shared_a > OVERLAP * energy_a[-1])
        & (shared_b > OVERLAP * energy_b[-1])
    )
    if not enough.any():
        return 0.0
    agreement = _envelope(a, b)[lags[enough]] / np.sqrt(shared_a[enough] * shared_b[enough])
    return min(float(agreement.max()), 1.0)


def _in_band(signal: Signal) -> NDArray[np.float64]:
    """Return the samples at 8 kHz, without what lies outside of `BAND`, and without a delay."""
    samples = resample(signal, RATE).samples[0].astype(np.float64)
    spectrum = rfft(samples)
    frequencies = np.arange(len(spectrum)) * RATE / len(samples)
    spectrum[(frequencies < BAND[0]) | (frequencies > BAND[1])] = 0
    return cast("NDArray[np.float64]", irfft(spectrum, len(samples)))


def _envelope(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the envelope of the cross-correlation. Negative lags are at the end, as in `numpy.fft`."""
    size = next_fast_len(len(a) + len(b))
    products = rfft(a, size) * np.conj(rfft(b, size))
    analytic = np.zeros(2 * size, np.complex128)  # zeros at the end double the sampling rate
    analytic[: len(products)] = 2 * products
    doubled = 2 * np.abs(ifft(analytic))
    return cast("NDArray[np.float64]", np.maximum(doubled[::2], doubled[1::2]))


def _groups(links: Sequence[tuple[int, int, float]], facts: Sequence[RecordingFacts | None]) -> list[Copies]:
    """Join linked recordings to groups."""
    group_of: dict[int, set[int]] = {}
    for index, other, _ in links:
        joined = group_of.get(index, {index}) | group_of.get(other, {other})
        group_of.update(dict.fromkeys(joined, joined))
    weakest: dict[int, float] = {}
    for index, _, value in links:
        root = min(group_of[index])
        weakest[root] = min(value, weakest.get(root, 1.0))
    groups = {min(members): members for members in group_of.values()}
    return [
        Copies(
            tuple(sorted(members)),
            len({one.sha256 for index in members if (one := facts[index]) is not None}) == 1,
            weakest[root],
        )
        for root, members in sorted(groups.items())
    ]
