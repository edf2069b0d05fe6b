"""Training of a Keras network: early stopping, the best epoch kept, then anew on all there is.

The targets are probabilities, since mixup and label smoothing make them so; without these the
loss is the sparse categorical cross-entropy of the research this grew out of.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from tqdm.keras import TqdmCallback

from training.batches import Batch, assemble, mixup, of_equal_length, shuffled
from training.dataset import Inputs
from training.files import write_whole
from training.folds import Fold, Indices
from training.metrics import UnweightedAverageRecall
from training.scores import uar

PREDICTED_AT_ONCE = 128
MIN_BATCH_SIZE = 16
MIN_STEPS = 60
"""Of an epoch: few utterances are heard several times over, each time under another condition."""
MAX_DEVIATION = 3.0
"""Standardised features of a voice unlike any in training are far out; beyond this they say no more."""


class Shapes(NamedTuple):
    """How much a network is fed.

    Attributes:
        n_functionals: the length of an utterance's `features`.
        n_descriptors: the width of its `descriptors`, whose length is free.
    """

    n_functionals: int
    n_descriptors: int


Example = tuple[Batch, NDArray[np.float32], NDArray[np.float32]]
"""Inputs, target probabilities and weights of a batch."""

History = dict[str, list[float]]
"""loss, uar, and val_loss and val_uar if something validated, of each epoch."""

LearningStep = Callable[..., tf.Tensor]


@dataclass(frozen=True, slots=True)
class Network:
    """A Keras network and how it is trained.

    Attributes:
        build: makes the network: shapes of the inputs and number of labels to a model from
            `features` or `descriptors`, or both, to `probabilities`.
        augmentations: conditions under which training utterances are heard, beside clean.
        max_epochs: the most epochs.
        patience: epochs without a better validation UAR after which training stops; see `refits`.
        batch_size: utterances a step, at most; few utterances come in smaller batches.
        learning_rate: of AdamW at the start; it falls to 0 on a cosine.
        weight_decay: of AdamW.
        mixup: alpha of the Beta distribution; 0 mixes nothing.
        label_smoothing: the share of a target that is spread over all labels.
        max_frames: sequences are cropped to this length in training.
        refits: whether the network that answers is trained again, on all that is not held out. Both
            trainings then run for all epochs, so that what is fitted on the validation part suits
            the network that answers. Otherwise early stopping keeps the network of the best epoch.
    """

    build: Callable[[Shapes, int], keras.Model]
    augmentations: tuple[str, ...] = ()
    max_epochs: int = 30
    patience: int = 12
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    mixup: float = 0.0
    label_smoothing: float = 0.0
    max_frames: int = 400
    refits: bool = True

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions under which training utterances are heard."""
        return ("clean", *self.augmentations)

    def limited(self, max_epochs: int | None) -> "Network":
        """The same, trained no longer than that; None leaves it as it is."""
        return self if max_epochs is None else replace(self, max_epochs=min(max_epochs, self.max_epochs))

    def fit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> "TrainedNetwork":
        """Train on the training part of a fold, and follow the UAR of its validation part.

        Args:
            inputs: of the fold.
            fold: whose training and validation part are used.
            seed: of weights, order, dropout, augmentation and mixing.
            path: where the network is kept; what is there is not trained again.

        Returns:
            The network of the last epoch, or of the best one if it is not trained again.
        """
        return self._kept(inputs, fold.train, fold.validation, seed, path)

    def refit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> "TrainedNetwork":
        """Train on all that is not held out, for all epochs: nothing is left to say when to stop.

        Args:
            inputs: of the fold.
            fold: whose training and validation part are used, both to train.
            seed: of weights, order, dropout, augmentation and mixing.
            path: as that of `fit`.

        Returns:
            The network of the last epoch, where the learning rate is 0.
        """
        return self._kept(inputs, fold.rest, fold.rest[:0], seed, path)

    def _kept(
        self, inputs: Inputs, train: Indices, validation: Indices, seed: int, path: Path
    ) -> "TrainedNetwork":
        return kept(path, lambda: self._train(inputs, train, validation, seed, path))

    def _train(self, inputs: Inputs, train: Indices, validation: Indices, seed: int, path: Path) -> History:
        """Train, keep the network at `path`, and return the history of the epochs."""
        keras.backend.clear_session()  # or the layers' names would count on from the network before
        keras.utils.set_random_seed(seed)
        network = self.build(shapes(inputs), inputs.n_labels)
        metric = UnweightedAverageRecall(inputs.n_labels)
        learn = self._learning_step(network, metric, self._n_steps(train))
        batches = self._training_batches([port.name for port in network.inputs], inputs, train, seed)
        callbacks = keras.callbacks.CallbackList(
            [*self._stopping(path), self._progress(path)],
            model=network,
            epochs=self.max_epochs,
            steps=self._n_steps(train),
        )
        history: History = {}
        network.stop_training = False
        callbacks.on_train_begin()
        for epoch in range(self.max_epochs):
            callbacks.on_epoch_begin(epoch)
            metric.reset_state()
            losses = [learn(*batch) for batch in islice(batches, self._n_steps(train))]
            logs = {"loss": float(np.mean(losses)), "uar": float(metric.result())}
            if len(validation):
                logs |= self._validate(network, inputs, validation)
            for name, value in logs.items():
                history.setdefault(name, []).append(value)
            callbacks.on_epoch_end(epoch, logs)
            if network.stop_training:
                break
        callbacks.on_train_end()
        return history

    def _stopping(self, path: Path) -> list[keras.callbacks.Callback]:
        """Callbacks that keep the network of the last epoch, or of the best one and stop early."""
        if self.refits:
            return [keras.callbacks.ModelCheckpoint(path)]
        return [
            keras.callbacks.EarlyStopping("val_uar", mode="max", patience=self.patience),
            keras.callbacks.ModelCheckpoint(path, "val_uar", mode="max", save_best_only=True),
        ]

    def _progress(self, path: Path) -> keras.callbacks.Callback:
        """A bar."""
        return TqdmCallback(
            epochs=self.max_epochs, verbose=0, desc=f"{path.parent.name} {path.stem}", leave=False
        )

    def _learning_step(
        self, network: keras.Model, metric: UnweightedAverageRecall, n_steps: int
    ) -> LearningStep:
        """A function of a batch that takes a step, updates the metric, and returns the loss.

        Keras's own `fit` needs three times as long for batches whose length varies.
        """
        optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(self.learning_rate, self.max_epochs * n_steps),
            weight_decay=self.weight_decay,
            clipnorm=5.0,
        )
        optimizer.build(network.trainable_variables)
        cross_entropy = keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)

        def learn(examples: dict[str, tf.Tensor], targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                answers = network(examples, training=True)
                loss = cross_entropy(targets, answers, weights)
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply(gradients, network.trainable_variables)
            metric.update_state(targets, answers)
            return loss

        compiled = tf.function(learn, reduce_retracing=True)
        return lambda *batch: compiled(*tf.nest.map_structure(tf.constant, batch))

    def _validate(self, network: keras.Model, inputs: Inputs, part: Indices) -> dict[str, float]:
        """Loss and UAR of the validation part, clean."""
        answers, truth = predict(network, inputs, part), inputs.targets[part]
        likelihoods = np.maximum(answers[np.arange(len(part)), truth], keras.backend.epsilon())
        return {
            "val_loss": float(-np.log(likelihoods).mean()),
            "val_uar": uar(truth, answers.argmax(axis=1)),
        }

    def _n_steps(self, part: Indices) -> int:
        """Batches an epoch."""
        return max(MIN_STEPS, -(-len(part) // self._size(part)))

    def _size(self, part: Indices) -> int:
        """Utterances a step; fewer where there are few."""
        return min(self.batch_size, max(MIN_BATCH_SIZE, len(part) // MIN_STEPS))

    def _training_batches(
        self, names: Collection[str], inputs: Inputs, part: Indices, seed: int
    ) -> Iterator[Example]:
        """Batches without end."""
        random = np.random.default_rng(seed)
        one_hot = np.eye(inputs.n_labels, dtype=np.float32)[inputs.targets]
        classes = np.arange(inputs.n_labels)
        weights = compute_class_weight("balanced", classes=classes, y=inputs.targets[part]).astype(np.float32)
        lengths = inputs.descriptors["clean"].lengths if "descriptors" in names else None
        while True:
            for batch in shuffled(lengths, part, self._size(part), random):
                conditions = random.choice(self.conditions, len(batch)).tolist()
                examples = assemble(names, inputs, batch, conditions, self.max_frames, random)
                examples, targets = mixup(examples, one_hot[batch], self.mixup, random)
                yield examples, targets, targets @ weights


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network after training.

    Attributes:
        network: of the last epoch, or of the best one if training stops early.
        history: of its epochs; empty where there are none.
        seconds: that training took.
    """

    network: keras.Model
    history: History
    seconds: float

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float32]:
        """Probabilities of utterances under a condition, shape (n, n_labels)."""
        return predict(self.network, inputs, indices, condition)


def kept(path: Path, train: Callable[[], History]) -> TrainedNetwork:
    """Train a network, unless that was done before.

    Args:
        path: where the network is. What else is known of it stands beside, written last, as the
            sign that all is there.
        train: writes the network to the path.
    """
    known = path.with_suffix(".json")
    if not known.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        history = train()
        told = {"history": history, "seconds": time.monotonic() - started}
        write_whole(known, json.dumps(told).encode())
    # The checkpoint is what is exported, so the checkpoint is what is scored.
    return TrainedNetwork(keras.models.load_model(path, compile=False), **json.loads(known.read_text()))


def predict(
    network: keras.Model, inputs: Inputs, indices: Indices, condition: str = "clean"
) -> NDArray[np.float32]:
    """Answer for utterances.

    Args:
        network: from `features` or `descriptors`, or both, to values of each utterance.
        inputs: of the fold.
        indices: of n utterances.
        condition: under which they are heard.

    Returns:
        Probabilities, or what else the network gives, shape (n, n_values).
    """
    names = [tensor.name for tensor in network.inputs]
    places = {index: place for place, index in enumerate(indices)}
    values = np.empty((len(indices), network.output_shape[-1]), np.float32)
    for batch in of_equal_length(names, inputs, indices, condition, PREDICTED_AT_ONCE):
        answers = network(assemble(names, inputs, batch, [condition] * len(batch)), training=False)
        values[[places[index] for index in batch]] = answers
    return values


def shapes(inputs: Inputs) -> Shapes:
    """How much a network is fed."""
    return Shapes(inputs.functionals["clean"].shape[1], inputs.descriptors["clean"][0].shape[1])
