from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.learning import tracking
from training.learning.tracking import EVENTS


def test_tensorboard_can_read_the_values_of_each_epoch(tmp_path: Path) -> None:
    (callback,) = tracking.tracking(tmp_path / "dense.keras")
    callback.on_epoch_end(0, {"loss": 0.9, "val_uar": 0.25})
    callback.on_epoch_end(1, {"loss": 0.5, "val_uar": 0.75})
    callback.on_train_end({})
    events = EventAccumulator(str(tmp_path / EVENTS / "dense"))
    events.Reload()
    values = [(one.step, float(one.tensor_proto.float_val[0])) for one in events.Tensors("val_uar")]
    assert values == [(1, 0.25), (2, 0.75)]
    assert [one.step for one in events.Tensors("loss")] == [1, 2]


def test_without_the_extra_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    assert tracking.tracking(tmp_path / "dense.keras") == []
    assert list(tmp_path.iterdir()) == []
