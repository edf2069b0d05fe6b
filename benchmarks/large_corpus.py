"""The memory of a training on a corpus of any size, with synthetic features.

    python -m benchmarks.large_corpus N [N …] [--values N] [--folder FOLDER]

For each number of utterances, a process of its own writes random features of the size of the encoder's into a
feature cache, as `python -m training extract` does, and trains and tests the default model on one of five
folds. The command prints the seconds and the peak of the memory that is not mapped from files. MSP-Podcast
has about 150,000 utterances.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread

import numpy as np

from app.core.files import write_whole
from training.arrays import to_npz, write_rows
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.features import Extracted, KeptFeatures
from training.data.folds import make_folds
from training.encoder.extractor import ENCODER
from training.models import load_model

LABELS = ("anger", "surprise", "happiness", "sadness", "neutral")
PER_SPEAKER = 75
"""The utterances of a speaker, as in MSP-Podcast on average."""
N_FOLDS = 5
N_VALUES = 10_240
"""The statistics of the encoder."""
N_DESCRIPTORS = 4
MOST_LINKS = 10_000
"""The names of one file; ext4 allows 65,000."""
MIB, GIB = 2**20, 2**30


def main() -> None:
    """Train on each number of utterances, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_corpus", description=__doc__)
    parser.add_argument("numbers", nargs="+", type=int, metavar="N", help="numbers of utterances")
    parser.add_argument("--values", type=int, default=N_VALUES, help="functionals (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="the folder of the features; default: a temporary one")
    options = parser.parse_args()
    print("| utterances | features on disk | seconds | peak of the memory |\n| --- | --- | --- | --- |")
    for number in options.numbers:
        folder = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                size, seconds, peak = process.submit(measure, number, options.values, folder).result()
        finally:
            shutil.rmtree(folder)
        print(f"| {number:,} | {size / GIB:.1f} GiB | {seconds:.0f} | {peak / MIB:,.0f} MiB |", flush=True)


def measure(n_utterances: int, n_values: int, folder: Path) -> tuple[int, float, int]:
    """Train on synthetic features.

    Returns:
        The bytes of the features, the seconds of the fold, and the peak of the anonymous memory in bytes.
    """
    # These load TensorFlow, in this process only.
    from training.evaluation.adaptation import adaptation_figures  # noqa: PLC0415
    from training.evaluation.fold import fit_fold  # noqa: PLC0415

    model = load_model("encoder")
    dataset = synthetic(n_utterances, n_values, folder, model.conditions)
    fold = make_folds(dataset.utterances, "speaker-independent", N_FOLDS, 1)[0]
    size = sum(path.stat().st_size for path in folder.rglob("*.npy"))
    started = time.monotonic()
    with anonymous_memory() as samples:
        result = fit_fold(model.limited(1), dataset, fold, 1, folder / "run")
        adaptation_figures(dataset, [result])
    return size, time.monotonic() - started, max(samples)


def synthetic(n_utterances: int, n_values: int, folder: Path, conditions: tuple[str, ...]) -> Dataset:
    """Write random features of utterances under each condition, and return them as a dataset."""
    random = np.random.default_rng(1)
    utterances = [
        Utterance(Path(f"{n}.wav"), "synthetic", LABELS[n % len(LABELS)], f"speaker {n // PER_SPEAKER}")
        for n in range(n_utterances)
    ]
    targets = np.arange(n_utterances) % len(LABELS)
    features = {}
    for condition in conditions:
        paths = [folder / condition / f"{n}.npz" for n in range(n_utterances)]
        descriptors = np.zeros((10, N_DESCRIPTORS), np.float16)
        content = to_npz({"functionals": np.zeros(n_values), "descriptors": descriptors})
        for first in range(0, n_utterances, MOST_LINKS):
            write_whole(paths[first], content)
            for path in paths[first + 1 : first + MOST_LINKS]:
                path.hardlink_to(paths[first])
        rows = (random.normal(target / 10, 1, n_values).astype(np.float32) for target in targets)
        kept = KeptFeatures(paths)
        write_rows(kept.matrix, n_utterances, rows)
        features[condition] = kept
    names = dict.fromkeys(conditions, "synthetic")
    return Dataset(Extracted(utterances, features, "", names, ENCODER), LABELS, targets)


@contextmanager
def anonymous_memory() -> Iterator[list[int]]:
    """Sample the memory of this process without the pages of files, in bytes, into a list.

    The kernel counts the pages of mapped files as resident too, but drops them when memory is short.
    """
    samples: list[int] = []
    ended = Event()

    def sample() -> None:
        while not ended.wait(0.05):
            lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
            (kibibytes,) = (line.split()[1] for line in lines if line.startswith("RssAnon:"))
            samples.append(int(kibibytes) * 1024)

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
