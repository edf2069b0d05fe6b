"""Unweighted average recall as a Keras metric.

UAR is the mean of the recalls of the classes over the whole epoch. The mean of the UARs of the batches is
a different number, in which a class that is absent from a batch counts as 0. So the metric accumulates
over batches the number of utterances and the number of recognized utterances of each class.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("speech_emotion")
class UnweightedAverageRecall(keras.metrics.Metric):
    """Mean recall of the classes over all batches since the last reset. Absent classes do not count."""

    def __init__(self, n_labels: int, name: str = "uar", **settings: object) -> None:
        """Set all counts to 0.

        Args:
            n_labels: the number of classes.
            name: the name of the metric in the history.
            **settings: further arguments of `keras.metrics.Metric`.
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
            y_true: the target probabilities, shape (n, n_labels); the most probable label is the true label.
            y_pred: the predicted probabilities, shape (n, n_labels).
            sample_weight: unused, since every utterance counts once.
        """
        del sample_weight
        labels = ops.cast(ops.argmax(y_true, axis=-1), "int32")
        hits = ops.cast(ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), labels), self.dtype)
        members = ops.one_hot(labels, self.n_labels, dtype=self.dtype)
        self.present.assign_add(ops.sum(members, axis=0))
        self.recognized.assign_add(ops.sum(members * hits[:, None], axis=0))

    def result(self) -> keras.KerasTensor:
        """Return the mean recall of the classes that occurred, or 0 before the first batch."""
        seen = ops.cast(self.present > 0, self.dtype)
        recalls = self.recognized / ops.maximum(self.present, 1)
        return ops.sum(recalls) / ops.maximum(ops.sum(seen), 1)

    def get_config(self) -> dict[str, object]:
        """Return the arguments that rebuild the metric."""
        return {**super().get_config(), "n_labels": self.n_labels}
