"""Events of a training for TensorBoard, which shows them while the training runs.

The extra `tracking` installs TensorBoard. Without it, no events are written.
"""

from importlib.util import find_spec
from pathlib import Path

import keras

EVENTS = "events"
"""The folder of the events in the folder of a fold."""


def tracking(path: Path) -> list[keras.callbacks.Callback]:
    """Return a callback that writes the values of each epoch, if TensorBoard is installed.

    Args:
        path: the path of the network. The folder of its events has the same stem.

    Returns:
        The callback, or nothing.
    """
    if find_spec("tensorboard") is None:
        return []
    # The callback of Keras works with TensorFlow only.
    from tensorboard.summary import Writer  # noqa: PLC0415

    writer = Writer(str(path.parent / EVENTS / path.stem))

    def write(epoch: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, epoch + 1)

    return [
        keras.callbacks.LambdaCallback(on_epoch_end=write, on_train_end=lambda _: writer.close()),
    ]
