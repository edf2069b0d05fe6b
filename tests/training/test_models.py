from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from app.core.scaler import Scaler
from training.data.conditions import AUGMENTATIONS
from training.data.dataset import Inputs, Sequences
from training.data.folds import Fold
from training.learning.batches import assemble, mixup, of_equal_length
from training.learning.classifier import Classifier
from training.learning.ensemble import Ensemble, mean
from training.learning.network import Network
from training.learning.trained_network import Shapes
from training.models import MODELS, Model, blstm_attention, cnn, covariance, load_model, ridge
from training.publish.export import combine_networks

RANDOM = np.random.default_rng(1)
N, N_FUNCTIONALS, N_DESCRIPTORS, N_LABELS = 60, 100, 6, 3
TARGETS = np.arange(N) % N_LABELS

pytestmark = pytest.mark.usefixtures("unoptimized_graphs")


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    """Utterances of 12 to 21 frames. A functional and the mean of a descriptor show the label clearly."""
    functionals = RANDOM.normal(TARGETS[:, np.newaxis] - 1, 1, (N, N_FUNCTIONALS)).astype(np.float32)
    functionals[:, :N_LABELS] += 4 * np.eye(N_LABELS)[TARGETS]
    lengths = [12 + 3 * (n % 4) for n in range(N)]
    descriptors = [RANDOM.normal(0, 1, (length, N_DESCRIPTORS)).astype(np.float32) for length in lengths]
    for target, sequence in zip(TARGETS, descriptors, strict=True):
        sequence[:, target] += 2
    names = ("clean", *AUGMENTATIONS)
    return make_inputs(names, functionals, descriptors)


SPEAKERS = np.array([f"speaker {n % 7}" for n in range(N)])


def make_inputs(
    names: Sequence[str], functionals: NDArray[np.float32], descriptors: Sequence[NDArray[np.float32]]
) -> Inputs:
    """Return inputs that are equal under all conditions and already standardized."""
    width = descriptors[0].shape[1]
    sequences = Sequences(lambda index: descriptors[index], N, Scaler(np.zeros(width), np.ones(width)))
    return Inputs(
        dict.fromkeys(names, functionals), dict.fromkeys(names, sequences), TARGETS, N_LABELS, SPEAKERS
    )


@pytest.fixture(scope="module")
def fold() -> Fold:
    test, rest = np.arange(15), np.arange(15, N)
    return Fold(1, "1", rest[rest % 5 != 0], rest[rest % 5 == 0], test, speaker_independent=True)


def test_every_file_of_the_folder_is_a_model() -> None:
    files = (Path(__file__).parent.parent.parent / "training" / "models").glob("[a-z]*.py")
    assert set(MODELS) == {file.stem.replace("_", "-") for file in files}
    assert {"paper-cnn", "sliding-cnn", "sequence-lstm", "svm-linear", "svm-rbf"} <= set(MODELS)


SMALLER = {"blstm-attention": {"blstm-attention": {"units": 32}}}
"""Sizes of networks that take long to train. The code is that of the published size."""


def briefly(model: Model) -> Model:
    """Return a model that trains for one epoch and only once. The second training has the same code."""
    if isinstance(model, Ensemble):
        once = {
            name: replace(network, refits=False) if isinstance(network, Network) else network
            for name, network in model.networks.items()
        }
        model = replace(model, networks=once).changed(SMALLER.get(next(iter(once)), {}))
    return model.limited(1)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_learns_and_gives_the_same_answers_alone_and_in_a_batch(
    name: str, inputs: Inputs, fold: Fold, tmp_path: Path
) -> None:
    model = briefly(load_model(name))
    trained = model.fit(inputs, fold, 1, tmp_path)
    answers = trained.predict(inputs, np.arange(N), "clean")
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6)
    assert (answers[fold.test].argmax(axis=1) == TARGETS[fold.test]).mean() > 0.5
    assert len(trained.validation_probabilities) == len(trained.validated)
    assert not set(trained.validated) & set(fold.test)
    assert all((tmp_path / file).is_file() for file in trained.members)
    # The lengths are odd and even. The service gives a network one utterance, without padding.
    alone = [trained.predict(inputs, np.array([index]), "clean") for index in range(0, N, 7)]
    np.testing.assert_allclose(np.concatenate(alone), answers[::7], atol=1e-5)


def test_deltas_are_the_slopes_of_the_descriptors() -> None:
    ramp = 3 * np.arange(10, dtype=np.float32)[np.newaxis, :, np.newaxis]
    slopes = keras.ops.convert_to_numpy(blstm_attention.deltas(keras.ops.convert_to_tensor(ramp)))
    # The first and the last frame are repeated beyond the ends.
    np.testing.assert_allclose(slopes[0, :, 0], [1.5, 2.4, 3, 3, 3, 3, 3, 3, 2.4, 1.5], rtol=1e-6)


def test_a_batch_for_prediction_has_sequences_of_one_length(inputs: Inputs) -> None:
    batches = list(of_equal_length(["descriptors"], inputs, np.arange(N), "clean", 128))
    assert sorted(np.concatenate(batches).tolist()) == list(range(N))
    for batch in batches:
        assert len({len(inputs.descriptors["clean"][index]) for index in batch}) == 1


def test_a_trained_network_is_not_trained_again(inputs: Inputs, fold: Fold, tmp_path: Path) -> None:
    model = Ensemble({"small": Network(ridge.build)}).limited(1)
    first = model.fit(inputs, fold, 1, tmp_path).predict(inputs, fold.test, "clean")
    networks = {network: network.stat().st_mtime_ns for network in tmp_path.glob("*.keras")}
    assert [network.name for network in sorted(networks)] == ["small-judged.keras", "small.keras"]
    second = model.fit(inputs, fold, 1, tmp_path).predict(inputs, fold.test, "clean")
    assert {network: network.stat().st_mtime_ns for network in networks} == networks
    np.testing.assert_array_equal(first, second)
    (tmp_path / "small.json").unlink()
    model.fit(inputs, fold, 1, tmp_path)
    trained_again = [network.name for network in networks if network.stat().st_mtime_ns != networks[network]]
    assert trained_again == ["small.keras"]


def test_a_baseline_selects_on_validation_data_and_trains_on_all_data_except_the_test_part(
    inputs: Inputs, fold: Fold, tmp_path: Path
) -> None:
    sizes: list[int] = []

    class Spy(LogisticRegression):  # type: ignore[misc]  # scikit-learn is untyped
        def fit(self, features: NDArray[np.float32], targets: NDArray[np.int64]) -> object:
            sizes.append(len(features))
            # With every other setting, the classifier learns wrong labels.
            return super().fit(features, targets if self.C == 1 else (targets + 1) % N_LABELS)

    trained = Classifier(lambda setting: Spy(**setting), [{"C": 2.0}, {"C": 1.0}]).fit(
        inputs, fold, 1, tmp_path
    )
    assert trained.chosen == {"C": 1.0}
    assert sizes == [36, 36, 45]


def test_the_final_network_is_trained_on_all_data_except_the_test_part(
    inputs: Inputs, fold: Fold, tmp_path: Path
) -> None:
    # In the first training, no utterance has the last label.
    order = np.argsort(TARGETS[fold.rest], kind="stable")
    by_label = fold.rest[order]
    fold_with_label_in_validation_only = Fold(
        1, "1", by_label[:30], by_label[30:], fold.test, speaker_independent=True
    )
    trained = load_model("ridge").fit(inputs, fold_with_label_in_validation_only, 1, tmp_path)
    last = fold.test[TARGETS[fold.test] == N_LABELS - 1]
    assert (trained.predict(inputs, last, "clean").argmax(axis=1) == N_LABELS - 1).mean() > 0.5
    assert (trained.validation_probabilities.argmax(axis=1) != N_LABELS - 1).all()


def test_the_square_of_the_square_root_is_the_covariance() -> None:
    frames = RANDOM.normal(0, [0.6, 1, 1.5], (3, 200, 3)).astype(np.float32)
    frames[..., 2] += frames[..., 0]
    mean, variances = covariance.mean_and_covariance(frames)
    expected = np.stack([np.cov(sequence.T, bias=True) for sequence in frames])
    np.testing.assert_allclose(mean, frames.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(variances, expected, atol=1e-4)
    root = np.array(covariance.square_root(keras.ops.convert_to_tensor(expected.astype(np.float32))))
    np.testing.assert_allclose(root @ root, expected + covariance.FLOOR * np.eye(3), atol=0.02)
    values = np.array(covariance.Moments()(frames))
    np.testing.assert_allclose(values[:, :3], mean, atol=1e-6)
    np.testing.assert_allclose(values[1, 3:], root[1][np.triu_indices(3)], atol=1e-4)


def test_the_covariance_model_separates_labels_that_differ_only_in_covariance(
    fold: Fold, tmp_path: Path
) -> None:
    functionals = np.zeros((N, N_FUNCTIONALS), np.float32)
    mixing = np.stack([np.eye(3) + 0.9 * np.eye(3, k=shift) for shift in (-1, 1, 2)])
    descriptors = [
        (RANDOM.normal(0, 1, (80, 3)) @ np.linalg.cholesky(mixing[t] @ mixing[t].T).T).astype(np.float32)
        for t in TARGETS
    ]
    names = ("clean", *AUGMENTATIONS)
    inputs = make_inputs(names, functionals, descriptors)
    trained = load_model("covariance").fit(inputs, fold, 1, tmp_path)
    assert (trained.predict(inputs, fold.test, "clean").argmax(axis=1) == TARGETS[fold.test]).mean() > 0.8


def test_mixed_utterances_have_mixed_targets(inputs: Inputs) -> None:
    batch = assemble(["features", "descriptors"], inputs, np.arange(8), ["clean"] * 8)
    targets = np.eye(N_LABELS, dtype=np.float32)[TARGETS[:8]]
    mixed, mixed_targets = mixup(batch, targets, 0.4, np.random.default_rng(1))
    np.testing.assert_allclose(mixed_targets.sum(axis=1), 1, rtol=1e-6)
    assert (mixed_targets.max(axis=1) < 0.999).any()
    # The larger share is the target of the utterance itself.
    assert (mixed_targets.argmax(axis=1) == TARGETS[:8]).all()
    same, same_targets = mixup(batch, targets, 0, np.random.default_rng(1))
    assert same is batch
    assert same_targets is targets
    assert not np.array_equal(mixed["features"], batch["features"])


def test_a_batch_for_training_is_cropped_and_not_padded(inputs: Inputs) -> None:
    indices = np.array([0, N - 1])
    batch = assemble(["descriptors"], inputs, indices, ["clean"] * 2, 32, np.random.default_rng(1))
    shortest = len(inputs.descriptors["clean"][0])
    assert batch["descriptors"].shape == (2, shortest, N_DESCRIPTORS)
    np.testing.assert_array_equal(batch["descriptors"][0], inputs.descriptors["clean"][0])
    whole = inputs.descriptors["clean"][N - 1]
    starts = [
        frame for frame in range(len(whole)) if np.array_equal(batch["descriptors"][1][0], whole[frame])
    ]
    (start,) = starts
    np.testing.assert_array_equal(batch["descriptors"][1], whole[start : start + shortest])


def test_the_ensemble_uses_the_geometric_mean() -> None:
    combined = mean([np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])], [0.5, 0.5])
    roots = np.sqrt([0.45, 0.05])
    np.testing.assert_allclose(combined, [roots / roots.sum()])


def test_a_network_gives_the_same_answers_through_another_scaler() -> None:
    raw = RANDOM.normal(3, 5, (4, N_FUNCTIONALS)).astype(np.float32)
    own = Scaler(RANDOM.normal(3, 1, N_FUNCTIONALS + 6), RANDOM.uniform(1, 5, N_FUNCTIONALS + 6))
    other = Scaler(RANDOM.normal(3, 1, N_FUNCTIONALS + 6), RANDOM.uniform(1, 5, N_FUNCTIONALS + 6))
    network = cnn.build(Shapes(N_FUNCTIONALS, N_DESCRIPTORS), N_LABELS)
    combined = combine_networks([(own, network, 1.0)], other)
    answers = combined({"features": other.split(N_FUNCTIONALS)[0].transform(raw)})["probabilities"]
    expected = network({"features": own.split(N_FUNCTIONALS)[0].transform(raw)})
    np.testing.assert_allclose(answers, expected, atol=1e-5)
