"""The backends of the training, on the same folds: TensorFlow on the CPU, and torch on a GPU.

    python -m benchmarks.gpu features emodb/utterances.csv data.npz
    python -m benchmarks.gpu train data.npz tensorflow.json --networks networks
    KERAS_BACKEND=torch python -m benchmarks.gpu train data.npz torch.json
    python -m benchmarks.gpu table tensorflow.json torch.json
    KERAS_BACKEND=torch python -m benchmarks.gpu answers data.npz networks

`features` writes the functionals of ComParE_2016 and the descriptors of eGeMAPSv02 of a corpus, and its
folds, so that `train` can run on a machine without the recordings. `train` trains each model on the training
and validation parts of each fold, as the command `train` does for the final networks, without augmentation
and with few epochs. It writes the file after each training. With the same seed, the backends draw other
initial weights, dropout and so on. So their UAR can only agree within the spread between seeds, which
`table` shows. `answers` shows how far the answers of the same networks differ between the backends.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.features import FeatureConfig
from app.core.files import write_whole
from training.arrays import to_npz
from training.data.corpora import csv_file
from training.data.dataset import Inputs, Rows, Sequences
from training.data.features import extract
from training.data.folds import Fold, make_folds
from training.data.labels import FIVE_EMOTIONS, label
from training.data.scaling import fit_scaler
from training.learning.scores import uar
from training.models import load_model

MODELS = ("dense", "cnn", "sequence-cnn", "blstm-attention")
N_FOLDS, N_EPOCHS = 3, 8
CACHE = Path(".cache/features")
ANSWERS = "answers.npz"

Arrays = Mapping[str, NDArray[Any]]


def main() -> None:
    """Run a step of the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("features", help="write the features and the folds of a corpus")
    step.add_argument("corpus", type=Path, help="utterances.csv of a corpus")
    step.add_argument("data", type=Path, help="the file to write")
    step.add_argument("--cache", type=Path, default=CACHE, help="folder of features; default: %(default)s")
    step = steps.add_parser("train", help="train with the backend of KERAS_BACKEND")
    step.add_argument("data", type=Path, help="the file of `features`")
    step.add_argument("output", type=Path, help="the JSON file to write")
    step.add_argument("--models", nargs="+", default=MODELS, help="default: %(default)s")
    step.add_argument("--seeds", nargs="+", type=int, default=(1, 2, 3), help="default: %(default)s")
    step.add_argument("--epochs", type=int, default=N_EPOCHS, help="default: %(default)s")
    step.add_argument("--networks", type=Path, help="folder for the first network of each model")
    step = steps.add_parser("table", help="compare two backends")
    step.add_argument("outputs", type=Path, nargs=2, help="two files of `train`")
    step = steps.add_parser("answers", help="compare the answers of networks with those of their training")
    step.add_argument("data", type=Path, help="the file of `features`")
    step.add_argument("networks", type=Path, help="the folder of `train --networks`")
    options = parser.parse_args()
    if options.step == "features":
        write_features(options.corpus, options.data, options.cache)
    elif options.step == "train":
        train(options)
    elif options.step == "table":
        print("\n".join(table(*(json.loads(path.read_text()) for path in options.outputs))))
    else:
        compare_answers(options.data, options.networks)


def write_features(corpus: Path, data: Path, cache: Path) -> None:
    """Write the features of a corpus under the condition `clean`, the targets, the speakers and the folds."""
    utterances, labels = label(csv_file.read(corpus), FIVE_EMOTIONS)
    functionals = extract(utterances, FeatureConfig("ComParE_2016"), cache).features["clean"].functionals
    kept = extract(utterances, FeatureConfig("eGeMAPSv02"), cache).features["clean"]
    sequences = [kept.descriptors(index) for index in range(len(utterances))]
    arrays: dict[str, NDArray[Any]] = {
        "functionals": functionals,
        "descriptors": np.concatenate(sequences),
        "lengths": np.array([len(sequence) for sequence in sequences]),
        "targets": np.array([labels.index(one.emotion) for one in utterances]),
        "speakers": np.array([one.speaker for one in utterances]),
        "labels": np.array(labels),
    }
    for fold in make_folds(utterances, "speaker-independent", N_FOLDS, seed=1):
        for part in ("train", "validation", "test"):
            arrays[f"{part}-{fold.number}"] = getattr(fold, part)
    write_whole(data, to_npz(arrays))


def train(options: argparse.Namespace) -> None:
    """Train every model with every seed on every fold, and write the results after each training."""
    from training.learning import backend  # noqa: PLC0415  # the other steps need no backend

    backend.make_deterministic()
    data = read(options.data)
    started, runs, kept = time.monotonic(), [], {}
    for name, seed, (fold, inputs) in (
        (name, seed, one) for name in options.models for seed in options.seeds for one in folds_of(data)
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.keras"
            answers, seconds = _train(name, fold, inputs, seed, options.epochs, path)
            if options.networks and name not in kept:
                kept[name] = answers
                write_whole(options.networks / path.name, path.read_bytes())
                write_whole(options.networks / ANSWERS, to_npz(kept))
        score = uar(inputs.targets[fold.test], answers.argmax(axis=1))
        run = {"model": name, "seed": seed, "fold": fold.name, "uar": score, "seconds": seconds}
        runs.append(run | {"answers_sha256": hashlib.sha256(answers.tobytes()).hexdigest()})
        content = {"trained_with": backend.trained_with(), "epochs": options.epochs, "runs": runs}
        write_whole(options.output, json.dumps(content, indent=1).encode())
        print(f"{time.monotonic() - started:5.0f} s: {run}", flush=True)


def _train(
    name: str, fold: Fold, inputs: Inputs, seed: int, epochs: int, path: Path
) -> tuple[NDArray[np.float32], float]:
    """Train a model, and return the probabilities of the test part and the seconds of the training."""
    (network,) = load_model(name).limited(epochs).networks.values()  # type: ignore[attr-defined]
    network = replace(network, augmentations=())
    trained = (network.refit if network.refits else network.fit)(inputs, fold, seed, path)
    return trained.predict(inputs, fold.test, "clean"), trained.seconds


def read(path: Path) -> Arrays:
    """Read the file of `features`."""
    with np.load(path) as arrays:
        return dict(arrays)


def folds_of(data: Arrays) -> Iterator[tuple[Fold, Inputs]]:
    """Yield each fold with its standardized inputs."""
    sequences = np.split(data["descriptors"], np.cumsum(data["lengths"])[:-1])
    for number in range(1, N_FOLDS + 1):
        train, validation, test = (data[f"{part}-{number}"] for part in ("train", "validation", "test"))
        fold = Fold(number, str(number), train, validation, test, speaker_independent=True)
        functionals = fit_scaler([data["functionals"][fold.rest]])
        descriptors = fit_scaler(sequences[index] for index in fold.rest)
        inputs = Inputs(
            {"clean": Rows(data["functionals"], functionals)},
            {"clean": Sequences(sequences.__getitem__, len(sequences), descriptors)},
            data["targets"],
            len(data["labels"]),
            data["speakers"],
        )
        yield fold, inputs


def table(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a Markdown table with the UAR and the seconds of two backends.

    The UAR of a seed is the mean over the folds. The table has mean and standard deviation over the seeds,
    at least two. The seconds are the median over all trainings, since the first one also loads the libraries.
    """
    names = first["trained_with"], second["trained_with"]
    yield f"| model | UAR, {names[0]} | UAR, {names[1]} | difference | seconds | seconds | ratio |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for model in dict.fromkeys(run["model"] for run in first["runs"]):
        (one, spent), (other, other_spent) = (_by_seed(output["runs"], model) for output in (first, second))
        if not len(other):
            continue
        scores = [f"{100 * np.mean(uars):.1f} ± {100 * np.std(uars, ddof=1):.1f}" for uars in (one, other)]
        difference = f"{100 * (np.mean(other) - np.mean(one)):+.1f}"
        cells = [*scores, difference, f"{spent:.1f}", f"{other_spent:.1f}", f"{spent / other_spent:.1f}"]
        yield f"| {model} | {' | '.join(cells)} |"


def _by_seed(runs: list[Mapping[str, Any]], model: str) -> tuple[NDArray[np.float64], float]:
    """Return the mean UAR of each seed, and the median of the seconds of a training."""
    own = [run for run in runs if run["model"] == model]
    seeds = dict.fromkeys(run["seed"] for run in own)
    means = [np.mean([run["uar"] for run in own if run["seed"] == seed]) for seed in seeds]
    return np.array(means), median(run["seconds"] for run in own) if own else 0.0


def compare_answers(data: Path, folder: Path) -> None:
    """Print the largest difference between the answers of the training and those of this backend."""
    import keras  # noqa: PLC0415  # the other steps need no backend

    from training.learning import backend  # noqa: PLC0415
    from training.learning.trained_network import predict  # noqa: PLC0415

    backend.make_deterministic()
    fold, inputs = next(folds_of(read(data)))
    for name, answers in read(folder / ANSWERS).items():
        network = keras.models.load_model(folder / f"{name}.keras", compile=False)
        difference = np.abs(predict(network, inputs, fold.test) - answers).max()
        print(f"{name}: largest difference of a probability {difference:.1e}, {backend.trained_with()}")


if __name__ == "__main__":
    main()
