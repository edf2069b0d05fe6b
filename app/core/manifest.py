"""The manifest of a bundle: the schema of `manifest.json`.

Format 3 added `log_mel` and `adapts_to_speaker`, and made `features` optional. Format 4 added
`label_mapping`, `hyperparameters` and `search`. Bundles of formats 2 and 3 remain valid.
"""

import hashlib
import json
from itertools import chain
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

UNDECIDED = "undecided"
"""The name of an answer without an emotion, on pages and in reports."""

NAME = r"^[a-z0-9][a-z0-9._-]*$"

LabelName = Annotated[str, Field(pattern=r"^[\w-]+( [\w-]+)*$", max_length=40)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Hyperparameter = bool | int | float | tuple[str, ...]
"""The value of a hyperparameter; the names of conditions for `augmentations`."""

Level = Literal["functionals", "descriptors", "functionals and descriptors"]


class _Record(BaseModel):
    """The base of all records: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Features(_Record):
    """The openSMILE features that the network takes."""

    feature_set: str = Field(description="the openSMILE name of the feature set")
    level: Level = Field(description="the levels of the feature set that the network takes")
    sampling_rate: int = Field(gt=0, description="the sampling rate of the analyzed signal, in Hz")
    n_functionals: int = Field(gt=0)
    n_descriptors: int = Field(gt=0, description="the number of low-level descriptors in a frame of 10 ms")
    names_sha256: str = Field(description="the SHA-256 of the names, functionals first, one per line")
    opensmile_version: str

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shape of one utterance in each input of the network."""
        shapes: dict[str, tuple[int | None, ...]] = {
            "features": (self.n_functionals,),
            "descriptors": (None, self.n_descriptors),
        }
        match self.level:
            case "functionals":
                del shapes["descriptors"]
            case "descriptors":
                del shapes["features"]
            case _:
                pass
        return shapes


class LogMel(_Record):
    """The log-mel spectrogram that the network takes; `app.core.log_mel` defines it."""

    sampling_rate: int = Field(gt=0, description="the sampling rate of the analyzed signal, in Hz")
    n_mels: int = Field(gt=0, description="the number of mel bands in a frame of 10 ms")
    encoder: str = Field(description="the pretrained encoder inside the network")

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shape of one utterance in the input of the network."""
        return {"log_mel": (None, self.n_mels)}


class Corpus(_Record):
    """A corpus that the model was trained on."""

    name: str
    n_utterances: int
    n_speakers: int


class Protocol(_Record):
    """The protocol of training and testing."""

    name: str
    n_folds: int
    seed: int
    corpora: tuple[Corpus, ...]


class FoldScore(_Record):
    """The scores of one fold."""

    fold: str = Field(description="the held-out part: the number of the fold, counted from 1, or a corpus")
    uar: Share = Field(description="the unweighted average recall on the test part")
    accuracy: Share = Field(description="the accuracy on the test part")
    validation_uar: Share = Field(
        description="the UAR on the validation part, of networks trained without that part"
    )


class Spread(_Record):
    """Mean and sample standard deviation over the folds."""

    mean: float
    sd: float | None = Field(description="the sample standard deviation; null if there is only one fold")


class Scores(_Record):
    """The results of the cross-validation."""

    uar: Spread
    uar_interval: tuple[Share, Share] = Field(
        description="the 95 % bootstrap interval, over the speakers, of the UAR on all test parts together"
    )
    accuracy: Spread
    folds: tuple[FoldScore, ...]
    calibration_error: Share = Field(
        description="the expected calibration error on all test parts, each with the temperature of its fold"
    )
    uncalibrated_error: Share = Field(description="the same error without a temperature")


class Adaptation(_Record):
    """The unlabeled speech from which the scaler of a bundle was estimated again."""

    n_recordings: int
    n_frames: int = Field(description="the number of frames of 10 ms in all recordings")
    weight: Share = Field(
        description="the weight of this speech in the scaler; the original scaler has the rest"
    )


class LabelMapping(_Record):
    """The labels of a model, and the corpora's own labels that count as each of them.

    An own label such as `iemocap:excited` is a label of one corpus only.
    """

    labels: dict[LabelName, tuple[str, ...]] = Field(
        min_length=2, description="the own labels of each label, in the order of the output"
    )
    left_out: tuple[str, ...] = Field(default=(), description="the own labels that are not used")

    @model_validator(mode="after")
    def _names_each_once(self) -> "LabelMapping":
        own = [*chain.from_iterable(self.labels.values()), *self.left_out]
        repeated = sorted({label for label in own if own.count(label) > 1})
        if repeated:
            raise ValueError(f"the own label {repeated[0]!r} is listed twice")
        if UNDECIDED in self.labels:
            raise ValueError(f"{UNDECIDED!r} is the name of answers without a label; choose another name")
        if empty := [label for label, names in self.labels.items() if not names]:
            raise ValueError(f"no own label counts as {empty[0]!r}")
        return self


class FineTuning(_Record):
    """The labeled speech of a site to which the answers of a bundle were fine-tuned."""

    original: str = Field(description="the name of the original bundle")
    model_version: str = Field(description="the model version of the original bundle")
    n_utterances: int
    n_speakers: int
    penalty: float = Field(gt=0, description="the penalty on the distance from the original")
    uar_before: Share = Field(
        description="the unweighted average recall of the original bundle on this speech, one by one"
    )
    uar_after: Share = Field(
        description="the same after fine-tuning on other speakers of this speech, in cross-validation"
    )
    uar_difference_interval: tuple[float, float] = Field(
        description="the 95 % bootstrap interval, over the speakers, of the difference"
    )


class SearchRange(_Record):
    """The limits of a searched hyperparameter."""

    low: int | float
    high: int | float
    log: bool = Field(default=False, description="whether the search is uniform in the logarithm")

    @model_validator(mode="after")
    def _is_not_empty(self) -> "SearchRange":
        if not self.low < self.high:
            raise ValueError("low is not below high")
        if self.log and self.low <= 0:
            raise ValueError("low is above 0 if log is true")
        return self

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class HyperparameterSearch(_Record):
    """A search for hyperparameters on the training and validation parts of each fold."""

    n_trials: int = Field(ge=1, description="the number of trials on each fold")
    space: dict[str, SearchRange | tuple[bool | int | float, ...]] = Field(
        min_length=1, description="the limits or the values of each searched hyperparameter"
    )


class Facts(_Record):
    """The facts about a bundle: the manifest without the hashes of the files."""

    format_version: Literal[2, 3, 4] = 4
    name: str = Field(pattern=NAME)
    labels: tuple[str, ...] = Field(min_length=2, description="the labels, in the order of the output")
    label_mapping: LabelMapping | None = Field(
        default=None,
        description="the mapping that gave the labels; null if the corpora's own labels were kept",
    )
    features: Features | None = Field(
        default=None, description="the openSMILE features; null if the network takes none"
    )
    log_mel: LogMel | None = Field(
        default=None, description="the spectrogram; null if the network takes none"
    )
    adapts_to_speaker: bool = Field(
        default=False, description="whether the answers for a call adapt to the speakers"
    )
    input_shapes: dict[str, tuple[int | None, ...]] = Field(
        description="the shape of one utterance in each input; null is the number of frames"
    )
    protocol: Protocol
    scores: Scores
    model: str = Field(description="the name of the model in `training.models`")
    hyperparameters: dict[str, dict[str, Hyperparameter]] = Field(
        default={},
        description="the hyperparameters of each network in the bundle, and `weights`, the fusion weights if "
        "they are fixed; empty before format 4",
    )
    search: HyperparameterSearch | None = Field(
        default=None, description="the search that gave some hyperparameters; null if there was none"
    )
    chosen_folds: tuple[str, ...] = Field(
        min_length=1, description="the folds whose networks are combined, or all-data"
    )
    chosen_by: str = Field(description="the rule by which these folds were chosen")
    adapted_to: Adaptation | None = Field(
        default=None, description="the unlabeled speech to which the bundle was adapted"
    )
    fine_tuned: FineTuning | None = Field(
        default=None, description="the labeled speech of a site to which the bundle was fine-tuned"
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        description="the temperature of the calibration; 1 leaves the network output unchanged",
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Facts":
        described = [part.input_shapes for part in (self.features, self.log_mel) if part is not None]
        if not described:
            raise ValueError("there is no input: give features, log_mel or both")
        if self.input_shapes != {name: shape for shapes in described for name, shape in shapes.items()}:
            raise ValueError("input_shapes disagrees with features and log_mel")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("the labels contain a duplicate")
        if not set(self.chosen_folds) <= {"all-data", *(score.fold for score in self.scores.folds)}:
            raise ValueError("chosen_folds contains an unknown fold")
        return self

    @property
    def n_scaled(self) -> int:
        """The number of values that `scaler.json` covers: functionals, then descriptors."""
        return self.features.n_functionals + self.features.n_descriptors if self.features else 0

    def to_metadata(self) -> dict[str, str]:
        """Return the facts as ONNX metadata_props: one JSON text for each field."""
        return {key: json.dumps(value) for key, value in self.model_dump(mode="json").items()}


class Manifest(Facts):
    """The content of `manifest.json`."""

    files: dict[FileName, str] = Field(description="the SHA-256 of every other file, by name")

    @property
    def version(self) -> str:
        """The SHA-256 of the hashes of all files, which identifies the content of the bundle."""
        return hashlib.sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()
