"""Unweighted average recall as a Keras metric.

UAR is the mean of the recalls of the classes. It has to be taken over the whole epoch: the mean
of per-batch UARs is another number, in which a class that a batch lacks counts as 0. So the
metric's state is what adds up over batches: per class, how many there were and how many were
recognized.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("speech_emotion")
class UnweightedAverageRecall(keras.metrics.Metric):
    """Mean per-class recall over all batches since the last reset; absent classes do not count."""

    def __init__(self, n_labels: int, name: str = "uar", **settings: object) -> None:
        """Start with nothing seen.

        Args:
            n_labels: the number of classes.
            name: of the metric in the history.
            **settings: of `keras.metrics.Metric`.
        """
        super().__init__(name=name, **settings)
        self.n_labels = n_labels
        self.present = self.add_weight(shape=(n_labels,), initializer="zeros", name="present")
        self.recognized = self.add_weight(shape=(n_labels,), initializer="zeros", name="recognized")

    def update_state(
        self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor, sample_weight: object = None
    ) -> None:
        """Count a batch.

        Args:
            y_true: probabilities of the labels, shape (n, n_labels); the most probable one counts.
            y_pred: probabilities, shape (n, n_labels).
            sample_weight: not used: every utterance counts once.
        """
        del sample_weight
        labels = ops.cast(ops.argmax(y_true, axis=-1), "int32")
        hits = ops.cast(ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), labels), self.dtype)
        members = ops.one_hot(labels, self.n_labels, dtype=self.dtype)
        self.present.assign_add(ops.sum(members, axis=0))
        self.recognized.assign_add(ops.sum(members * hits[:, None], axis=0))

    def result(self) -> keras.KerasTensor:
        """The mean recall of the classes seen; 0 before any."""
        seen = ops.cast(self.present > 0, self.dtype)
        recalls = self.recognized / ops.maximum(self.present, 1)
        return ops.sum(recalls) / ops.maximum(ops.sum(seen), 1)

    def get_config(self) -> dict[str, object]:
        """What rebuilds the metric."""
        return {**super().get_config(), "n_labels": self.n_labels}
