"""Training of a Keras network with early stopping, or with a second training on all that is not held out.

Mixup and label smoothing turn the targets into probabilities. Without them, the loss equals the sparse
categorical cross-entropy of arXiv 2204.13601.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from tqdm.keras import TqdmCallback

from training.data.dataset import Inputs
from training.data.folds import Fold, Indices
from training.learning import backend
from training.learning.batches import Batch, assemble, mixup, shuffled
from training.learning.metrics import UnweightedAverageRecall
from training.learning.scores import uar
from training.learning.tracking import tracking
from training.learning.trained_network import History, Shapes, TrainedNetwork, kept, predict, shapes

MIN_BATCH_SIZE = 16
"""The minimum number of utterances in a batch. Not tuned."""

MIN_STEPS = 60
"""The minimum number of steps in an epoch; chosen in `docs/experiments.md`, "Few voices: closed form, more
steps, all of the rest". With few utterances, an epoch repeats them under other conditions."""

MAX_DEVIATION = 3.0
"""The limit at which standardized features are clipped, since the features of an unusual voice can be far
outside the range of the training data. `docs/experiments.md`, "Few voices: closed form, more steps, all of
the rest", compares clipping with no clipping."""


Example = tuple[Batch, NDArray[np.float32], NDArray[np.float32]]
"""The inputs, target probabilities and weights of a batch."""


@dataclass(frozen=True, slots=True)
class Network:
    """A Keras network and the settings of its training.

    The default settings are not tuned. The models in `training/models` replace some of them.

    Attributes:
        build: a function from the shapes of the inputs and the number of labels to an untrained model, which
            maps `features` or `descriptors`, or both, to `probabilities`.
        augmentations: the conditions of the training utterances beside `clean`.
        max_epochs: the maximum number of epochs.
        patience: the number of epochs without a better validation UAR after which training stops, if
            `refits` is False.
        batch_size: the maximum number of utterances in a step. With few utterances, batches are smaller.
        learning_rate: the initial learning rate of AdamW, which decays to 0 on a cosine.
        weight_decay: the weight decay of AdamW.
        mixup: the parameter alpha of the Beta distribution of mixup; 0 mixes nothing.
        label_smoothing: the share of a target that is distributed over all labels.
        max_frames: the length in frames to which training sequences are cropped.
        refits: True if a second training on the training and validation parts gives the final network. Both
            trainings then run for all epochs, so that the values that are fitted on the validation part suit
            the final network. If False, early stopping keeps the network of the best epoch.
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
        """The conditions of the training utterances, `clean` among them."""
        return ("clean", *self.augmentations)

    def limited(self, max_epochs: int | None) -> "Network":
        """Return the network with at most this number of epochs; None keeps its own number."""
        return self if max_epochs is None else replace(self, max_epochs=min(max_epochs, self.max_epochs))

    def fit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> "TrainedNetwork":
        """Train on the training part of a fold, and compute the validation UAR of each epoch.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts are used.
            seed: the seed of weights, order, dropout, augmentation and mixup.
            path: the path of the network. A network that is already there is not trained again.

        Returns:
            The network of the last epoch, or of the best epoch if `refits` is False.
        """
        return self._kept(inputs, fold.train, fold.validation, seed, path)

    def refit(self, inputs: Inputs, fold: Fold, seed: int, path: Path) -> "TrainedNetwork":
        """Train on the training and validation parts together for all epochs, without early stopping.

        Args:
            inputs: the inputs of the fold.
            fold: the fold; its training and validation parts both train the network.
            seed: the seed of weights, order, dropout, augmentation and mixup.
            path: the path of the network, as in `fit`.

        Returns:
            The network of the last epoch, at the end of which the learning rate is 0.
        """
        return self._kept(inputs, fold.rest, fold.rest[:0], seed, path)

    def _kept(
        self, inputs: Inputs, train: Indices, validation: Indices, seed: int, path: Path
    ) -> "TrainedNetwork":
        """Train the network, or load it if the path exists."""
        return kept(path, lambda: self._train(inputs, train, validation, seed, path))

    def _train(self, inputs: Inputs, train: Indices, validation: Indices, seed: int, path: Path) -> History:
        """Train, save the network to `path`, and return the history of the epochs."""
        keras.backend.clear_session()  # resets the counter in the names of layers
        keras.utils.set_random_seed(seed)
        network = self.build(shapes(inputs), inputs.n_labels)
        metric = UnweightedAverageRecall(inputs.n_labels)
        learn = self._learning_step(network, metric, self._n_steps(train))
        batches = self._training_batches([port.name for port in network.inputs], inputs, train, seed)
        callbacks = keras.callbacks.CallbackList(
            [*self._stopping(path), self._progress(path), *tracking(path)],
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
            mean_loss = np.mean([backend.to_numpy(loss) for loss in losses])
            logs = {"loss": float(mean_loss), "uar": float(metric.result())}
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
        """Return callbacks that save the last epoch, or that save the best epoch and stop early."""
        if self.refits:
            return [keras.callbacks.ModelCheckpoint(path)]
        return [
            keras.callbacks.EarlyStopping("val_uar", mode="max", patience=self.patience),
            keras.callbacks.ModelCheckpoint(path, "val_uar", mode="max", save_best_only=True),
        ]

    def _progress(self, path: Path) -> keras.callbacks.Callback:
        """Return a progress bar."""
        return TqdmCallback(
            epochs=self.max_epochs, verbose=0, desc=f"{path.parent.name} {path.stem}", leave=False
        )

    def _learning_step(
        self, network: keras.Model, metric: UnweightedAverageRecall, n_steps: int
    ) -> backend.LearningStep:
        """Return a function that trains on a batch, updates the metric, and returns the loss."""
        optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(self.learning_rate, self.max_epochs * n_steps),
            weight_decay=self.weight_decay,
            clipnorm=5.0,  # not tuned
        )
        optimizer.build(network.trainable_variables)
        cross_entropy = keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)
        return backend.learning_step(network, optimizer, cross_entropy, metric)

    def _validate(self, network: keras.Model, inputs: Inputs, part: Indices) -> dict[str, float]:
        """Return loss and UAR of the validation part under the condition `clean`."""
        answers, truth = predict(network, inputs, part), inputs.targets[part]
        likelihoods = np.maximum(answers[np.arange(len(part)), truth], keras.backend.epsilon())
        return {
            "val_loss": float(-np.log(likelihoods).mean()),
            "val_uar": uar(truth, answers.argmax(axis=1)),
        }

    def _n_steps(self, part: Indices) -> int:
        """Return the number of steps in an epoch."""
        return max(MIN_STEPS, -(-len(part) // self._size(part)))

    def _size(self, part: Indices) -> int:
        """Return the number of utterances in a step, which is smaller for small parts."""
        return min(self.batch_size, max(MIN_BATCH_SIZE, len(part) // MIN_STEPS))

    def _training_batches(
        self, names: Collection[str], inputs: Inputs, part: Indices, seed: int
    ) -> Iterator[Example]:
        """Yield training batches without end."""
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
