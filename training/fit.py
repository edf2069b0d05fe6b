"""One fold: scaler and network are fitted, the best epoch is kept, the test part is scored.

All that comes of it stands in the fold's folder, and is read from there if the fold was done
before: a run that is interrupted goes on with the next fold.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from tqdm.keras import TqdmCallback

from app.core.recognizer import apply_temperature
from app.core.scaler import Scaler
from training.calibration import fit_temperature
from training.cnn import build_cnn
from training.files import write_whole
from training.folds import Fold
from training.metrics import UnweightedAverageRecall

NETWORK = "network.keras"
SCALER = "scaler.json"
VALIDATION_PROBABILITIES = "validation_probabilities.npy"
TEST_PROBABILITIES = "test_probabilities.npy"
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and in which steps a network is trained.

    Attributes:
        max_epochs: the most epochs.
        patience: epochs without a better validation UAR after which training stops.
        batch_size: utterances a step.
        learning_rate: of Adam.
    """

    max_epochs: int = 60
    patience: int = 10
    batch_size: int = 64
    learning_rate: float = 5e-4


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What came of one fold.

    Attributes:
        number: of the fold, counted from 1.
        uar: on the test part.
        accuracy: on the test part.
        validation_uar: of the epoch that was kept.
        history: loss, val_loss, uar and val_uar of each epoch.
        test_probabilities: float32, shape (n_test, n_labels), as the network gives them.
        temperature: that calibrates them, fitted on the validation part.
        scaler: fitted on the training part.
        network: the Keras model's file.
    """

    number: int
    uar: float
    accuracy: float
    validation_uar: float
    history: dict[str, list[float]]
    test_probabilities: NDArray[np.float32]
    temperature: float
    scaler: Scaler
    network: Path

    @property
    def calibrated(self) -> NDArray[np.float64]:
        """The probabilities of the test part as the service would give them."""
        return apply_temperature(self.test_probabilities, self.temperature)


def fit_fold(
    fold: Fold,
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    schedule: Schedule,
    seed: int,
    folder: Path,
) -> FoldResult:
    """Train on one fold, unless that was done before.

    Args:
        fold: which utterances train, validate and test.
        features: float32, shape (n_utterances, n_features).
        targets: label indices, shape (n_utterances,).
        schedule: of the training.
        seed: of weights, order and dropout; each fold has its own, so that a run that was
            interrupted ends like one that was not.
        folder: of the fold.

    Returns:
        The scores on the test part, and what is needed to export the network.
    """
    if not (folder / RESULT).is_file():
        _train(fold, features, targets, schedule, seed + fold.number, folder)
    return _read(fold, targets, folder)


def _train(
    fold: Fold,
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    schedule: Schedule,
    seed: int,
    folder: Path,
) -> None:
    """Train on one fold and write what comes of it; the result last, as the sign that all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    keras.backend.clear_session()  # or the layers' names would count on from the fold before
    keras.utils.set_random_seed(seed)
    n_labels = int(targets.max()) + 1
    standard = StandardScaler().fit(features[fold.train].astype(np.float64))
    scaler = Scaler(standard.mean_, standard.scale_)
    inputs = scaler.transform(features)
    weights = compute_class_weight("balanced", classes=np.arange(n_labels), y=targets[fold.train])

    network = build_cnn(features.shape[1], n_labels)
    network.compile(
        optimizer=keras.optimizers.Adam(schedule.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=[UnweightedAverageRecall(n_labels)],
    )
    history = network.fit(
        inputs[fold.train],
        targets[fold.train],
        validation_data=(inputs[fold.validation], targets[fold.validation]),
        epochs=schedule.max_epochs,
        batch_size=schedule.batch_size,
        class_weight=dict(enumerate(weights)),
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_uar", mode="max", patience=schedule.patience, restore_best_weights=True
            ),
            keras.callbacks.ModelCheckpoint(folder / NETWORK, "val_uar", mode="max", save_best_only=True),
            TqdmCallback(epochs=schedule.max_epochs, verbose=0, desc=f"fold {fold.number}", leave=False),
        ],
        verbose=0,
    ).history

    # The checkpoint is what is exported, so the checkpoint is what is scored.
    best = keras.models.load_model(folder / NETWORK, compile=False)
    for name, part in ((VALIDATION_PROBABILITIES, fold.validation), (TEST_PROBABILITIES, fold.test)):
        probabilities = io.BytesIO()
        np.save(probabilities, best.predict(inputs[part], verbose=0), allow_pickle=False)
        write_whole(folder / name, probabilities.getvalue())
    write_whole(folder / SCALER, scaler.to_json().encode())
    write_whole(folder / RESULT, json.dumps({"history": history}).encode())


def _read(fold: Fold, targets: NDArray[np.int64], folder: Path) -> FoldResult:
    """Read what `_train` wrote, and score it."""
    history: dict[str, list[float]] = json.loads((folder / RESULT).read_text())["history"]
    probabilities: NDArray[np.float32] = np.load(folder / TEST_PROBABILITIES)
    truth, recognised = targets[fold.test], probabilities.argmax(axis=1)
    return FoldResult(
        number=fold.number,
        uar=float(recall_score(truth, recognised, average="macro")),
        accuracy=float(accuracy_score(truth, recognised)),
        validation_uar=max(history["val_uar"]),
        history=history,
        test_probabilities=probabilities,
        temperature=fit_temperature(np.load(folder / VALIDATION_PROBABILITIES), targets[fold.validation]),
        scaler=Scaler.from_json((folder / SCALER).read_text()),
        network=folder / NETWORK,
    )
