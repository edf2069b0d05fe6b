"""How well `training.data.duplicates` tells copies of recordings from different utterances.

    python -m benchmarks.copies --corpora /data/speech

Positives are copies of every 40th utterance under each change of `CHANGES`. Negatives are all pairs of
different utterances: their distances, and the similarity of the pairs within `LIMIT`.
"""

import argparse
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import soundfile

from app.core.audio import Signal, decode, resample
from app.core.containers import FORMATS
from training.data.conditions import CONDITIONS
from training.data.corpora import csv_file
from training.data.duplicates import LIMIT, N_NEIGHBORS, SIMILAR, candidates, similarity
from training.data.fingerprint import SIZE, fingerprint

CORPORA = ("emodb", "ravdess", "turev", "urdu", "nemo")
EVERY = 40
BLOCK = 1_000


def encoded(signal: Signal, rate: int, container: str, codec: str, **settings: float) -> Signal:
    """Encode and decode a signal."""
    file = io.BytesIO()
    samples = np.clip(resample(signal, rate).samples.T, -1, 1)
    soundfile.write(file, samples, rate, format=container, subtype=codec, **settings)
    return decode(file.getvalue(), formats=FORMATS)


def louder(signal: Signal, decibels: float) -> Signal:
    """Change the level and store 16 bits."""
    samples = signal.samples * np.float32(10 ** (decibels / 20))
    return encoded(Signal(samples, signal.sampling_rate), signal.sampling_rate, "WAV", "PCM_16")


def trimmed(signal: Signal, start: float, end: float) -> Signal:
    """Cut shares of the duration off."""
    n = signal.samples.shape[1]
    return Signal(signal.samples[:, int(n * start) : n - int(n * end)], signal.sampling_rate)


def condition(signal: Signal, name: str) -> Signal:
    """Apply a condition of the training."""
    return CONDITIONS[name](signal, np.random.default_rng(1))


CHANGES: dict[str, Callable[[Signal], Signal]] = {
    "12 dB quieter": partial(louder, decibels=-12),
    "12 dB louder, clipped": partial(louder, decibels=12),
    "MP3": lambda one: encoded(louder(one, -3), 16_000, "MP3", "MPEG_LAYER_III", compression_level=0.9),
    "Opus": lambda one: encoded(louder(one, -6), 16_000, "OGG", "OPUS", compression_level=0.9),
    "GSM 6.10, 8 kHz": lambda one: encoded(one, 8_000, "WAV", "GSM610"),
    "telephone: 300 to 3400 Hz, mu-law": partial(condition, name="telephone"),
    "noise at 20 dB": partial(condition, name="noise-20"),
    "5 % cut off at each end": partial(trimmed, start=0.05, end=0.05),
    "15 % cut off at each end": partial(trimmed, start=0.15, end=0.15),
    "20 % cut off at the start": partial(trimmed, start=0.2, end=0.0),
    "Opus, 12 dB quieter, 10 % cut off": lambda one: encoded(
        louder(trimmed(one, 0.06, 0.04), -12), 16_000, "OGG", "OPUS", compression_level=0.9
    ),
}


def read(path: Path) -> Signal:
    """Decode a recording."""
    return decode(path.read_bytes())


def print_of(signal: Signal) -> np.ndarray:
    """Return the fingerprint, or one that is far from all others."""
    found = fingerprint(signal)
    return np.full(SIZE, 9, np.float32) if found is None else found


def changed(path: Path) -> list[tuple[float, float]]:
    """Return the distance and the similarity of a recording to each of its copies."""
    signal = read(path)
    copies = [change(signal) for change in CHANGES.values()]
    own = print_of(signal)
    return [(float(np.linalg.norm(print_of(one) - own)), similarity(signal, one)) for one in copies]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--corpora", type=Path, required=True, help="folder of the five corpora")
    folder = parser.parse_args().corpora
    paths = [one.path for name in CORPORA for one in csv_file.read(folder / name / "utterances.csv")]
    run = joblib.Parallel(n_jobs=-1)
    found = np.array(run(joblib.delayed(changed)(path) for path in paths[::EVERY]))
    print(
        f"copies of {len(found)} utterances\n\n"
        "| change | distance: median | 95 % | similarity: 5 % | median | found |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (distances, similarities) in zip(CHANGES, found.transpose(1, 2, 0), strict=True):
        share = ((distances <= LIMIT) & (similarities >= SIMILAR)).mean()
        far, low = np.quantile(distances, 0.95), np.quantile(similarities, 0.05)
        print(
            f"| {name} | {np.median(distances):.3f} | {far:.3f} | {low:.2f} | {np.median(similarities):.2f} "
            f"| {share:.0%} |"
        )
    prints = np.array(run(joblib.delayed(lambda path: print_of(read(path)))(path) for path in paths))
    squares = (prints**2).sum(axis=1)
    nearest = []
    for start in range(0, len(prints), BLOCK):
        block = prints[start : start + BLOCK]
        distances = squares[start : start + BLOCK, None] + squares - 2 * block @ prints.T
        upper = np.arange(len(prints)) > np.arange(start, start + len(block))[:, None]
        nearest.append(np.sqrt(np.maximum(distances[upper], 0)))
    for limit in (0.1, 0.12, LIMIT, 0.17, 0.2):
        print(f"pairs within {limit}: {sum(int((part <= limit).sum()) for part in nearest)}")
    print("of", sum(map(len, nearest)))
    pairs = [
        (one, other)
        for one, others in candidates(list(prints.astype(np.float16)), LIMIT, N_NEIGHBORS)
        for other in others
    ]
    values = run(
        joblib.delayed(lambda one, other: similarity(read(one), read(other)))(paths[one], paths[other])
        for one, other in pairs
    )
    print(f"{len(pairs)} pairs compared, the most similar:")
    for value, (one, other) in sorted(zip(values, pairs, strict=True), reverse=True)[:12]:
        print(f"{value:.3f}", paths[one].relative_to(folder), paths[other].relative_to(folder))


if __name__ == "__main__":
    main()
