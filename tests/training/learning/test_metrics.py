import numpy as np
import pytest
from sklearn.metrics import recall_score

from training.learning.metrics import UnweightedAverageRecall

RANDOM = np.random.default_rng(1)
N = 200
TRUTH = RANDOM.choice(5, N, p=[0.6, 0.2, 0.1, 0.07, 0.03])
TARGETS = np.eye(5)[TRUTH]
PROBABILITIES = RANDOM.random((N, 5)) + TARGETS * 0.5


@pytest.mark.parametrize("batch_size", [1, 7, 64, N])
def test_the_metric_is_uar_for_every_batch_size(batch_size: int) -> None:
    metric = UnweightedAverageRecall(5)
    for start in range(0, N, batch_size):
        metric.update_state(TARGETS[start : start + batch_size], PROBABILITIES[start : start + batch_size])
    expected = recall_score(TRUTH, PROBABILITIES.argmax(axis=1), average="macro")
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_the_metric_is_not_the_mean_over_batches() -> None:
    metric, uars = UnweightedAverageRecall(5), []
    for start in range(0, N, 10):
        metric.reset_state()
        metric.update_state(TARGETS[start : start + 10], PROBABILITIES[start : start + 10])
        uars.append(float(metric.result()))
    expected = recall_score(TRUTH, PROBABILITIES.argmax(axis=1), average="macro")
    assert abs(np.mean(uars) - expected) > 0.01


def test_an_absent_class_does_not_count() -> None:
    metric = UnweightedAverageRecall(5)
    metric.update_state(np.eye(5)[[0, 0, 1, 1]], np.eye(5)[[0, 0, 1, 0]])
    assert float(metric.result()) == pytest.approx(0.75)


def test_a_reset_metric_starts_from_zero() -> None:
    metric = UnweightedAverageRecall(5)
    metric.update_state(TARGETS, PROBABILITIES)
    metric.reset_state()
    assert float(metric.result()) == 0
    metric.update_state(np.eye(5)[[3]], np.eye(5)[[3]])
    assert float(metric.result()) == 1
