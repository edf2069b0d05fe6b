from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from app.core.bundle import SPEAKER_OUTPUTS
from app.core.scaler import Scaler
from testing.bundles import facts
from training.data.dataset import Inputs
from training.data.folds import Fold
from training.data.scaling import identity_scaler
from training.learning.ensemble import Ensemble, TrainedEnsemble
from training.learning.ridge_regression import Ridge
from training.learning.speaker import adapt_groups
from training.models.ridge import build
from training.publish.export import combine_networks, to_onnx

if TYPE_CHECKING:
    from training.learning.network import Network

RANDOM = np.random.default_rng(1)
N_SPEAKERS, N_OF_SPEAKER, N_VALUES, N_LABELS = 24, 20, 40, 4
SPEAKERS = np.repeat([f"speaker {number}" for number in range(N_SPEAKERS)], N_OF_SPEAKER)
TARGETS = np.tile(np.arange(N_OF_SPEAKER) % N_LABELS, N_SPEAKERS)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    """Return utterances in which the speakers differ more than the labels, in the same values."""
    of_labels = RANDOM.normal(0, 0.5, (N_LABELS, N_VALUES))[TARGETS]
    of_speakers = np.repeat(RANDOM.normal(0, 0.8, (N_SPEAKERS, N_VALUES)), N_OF_SPEAKER, axis=0)
    values = of_labels + of_speakers + RANDOM.normal(0, 0.8, of_labels.shape)
    return Inputs(
        {"clean": values.astype(np.float32)},
        {"clean": [np.zeros((1, 1), np.float32)] * len(TARGETS)},  # type: ignore[dict-item]
        TARGETS,
        N_LABELS,
        SPEAKERS,
    )


@pytest.fixture(scope="module")
def fold() -> Fold:
    of_speakers = np.arange(len(TARGETS)).reshape(N_SPEAKERS, -1)
    train, validation, test = (part.ravel() for part in np.split(of_speakers, [12, 14]))
    return Fold(1, "1", train, validation, test, speaker_independent=True)


@pytest.fixture(scope="module")
def trained(inputs: Inputs, fold: Fold, tmp_path_factory: pytest.TempPathFactory) -> TrainedEnsemble:
    model = Ensemble({"ridge": Ridge(build, penalty=0.01, relative=True)}, adapts_by="ridge")
    return model.fit(inputs, fold, 1, tmp_path_factory.mktemp("networks"))


def accuracy(probabilities: NDArray[np.float64], fold: Fold) -> float:
    return float((probabilities.argmax(axis=1) == TARGETS[fold.test]).mean())


def test_many_utterances_of_a_speaker_improve_the_answers_and_one_does_no_harm(
    inputs: Inputs, fold: Fold, trained: TrainedEnsemble
) -> None:
    assert trained.speaker is not None
    plain = trained.predict(inputs, fold.test, "clean")
    scores = trained.speaker.scores(inputs.functionals["clean"][fold.test], plain)
    all_of_speaker = list(np.arange(len(fold.test)).reshape(-1, N_OF_SPEAKER))
    alone = list(np.arange(len(fold.test))[:, np.newaxis])
    assert accuracy(adapt_groups(*scores, all_of_speaker), fold) > accuracy(plain, fold) + 0.05
    assert accuracy(adapt_groups(*scores, alone), fold) > accuracy(plain, fold) - 0.03


def test_fixed_weights_belong_to_the_networks_by_name(inputs: Inputs, fold: Fold, tmp_path: Path) -> None:
    networks: dict[str, Network | Ridge] = {
        "weak": Ridge(build, penalty=10),
        "strong": Ridge(build, penalty=0.01),
    }
    model = Ensemble(networks, weights={"strong": 0.9, "weak": 0.1})
    assert model.fit(inputs, fold, 1, tmp_path).members == {"weak.keras": 0.1, "strong.keras": 0.9}


def test_the_exported_network_gives_the_same_scores(
    inputs: Inputs, fold: Fold, trained: TrainedEnsemble
) -> None:
    assert trained.speaker is not None
    scaler = Scaler(RANDOM.normal(0, 1, N_VALUES + 1), RANDOM.uniform(1, 2, N_VALUES + 1))
    standardized = inputs.functionals["clean"][fold.test]
    unscaled = (standardized * scaler.scale[:-1] + scaler.mean[:-1]).astype(np.float32)
    network = trained.networks[0].trained.network
    combined = combine_networks(
        [(scaler, network, 1.0)], identity_scaler(scaler.mean.size), (scaler, trained.speaker)
    )
    onnx = to_onnx(combined, facts(adapts=True), [{"features": unscaled[:1]}])
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    logits, offsets = session.run(list(SPEAKER_OUTPUTS), {"features": unscaled})
    expected = trained.speaker.scores(standardized, trained.predict(inputs, fold.test, "clean"))
    np.testing.assert_allclose(logits, expected[0], atol=1e-3)
    np.testing.assert_allclose(offsets, expected[1], atol=1e-3)
