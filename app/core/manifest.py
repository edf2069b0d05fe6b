"""What a bundle says of itself: the content of `manifest.json`."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z0-9][a-z0-9._-]*$"

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Record(BaseModel):
    """Immutable, and without room for a field that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Features(_Record):
    """What the network is fed."""

    feature_set: str = Field(description="openSMILE's name of the feature set")
    level: Literal["functionals"]
    sampling_rate: int = Field(gt=0, description="of the signal that is analysed, in Hz")
    n_features: int = Field(gt=0)
    names_sha256: str = Field(description="SHA-256 of the feature names, one a line")
    opensmile_version: str


class Corpus(_Record):
    """A corpus that the model was trained on."""

    name: str
    n_utterances: int
    n_speakers: int


class Protocol(_Record):
    """How the model was trained and tested."""

    name: str
    n_folds: int
    seed: int
    corpora: tuple[Corpus, ...]


class FoldScore(_Record):
    """What one fold reached."""

    fold: int = Field(description="counted from 1")
    uar: Share = Field(description="unweighted average recall on the test part")
    accuracy: Share = Field(description="on the test part")
    validation_uar: Share = Field(description="on the validation part, which chose the epoch")


class Spread(_Record):
    """Mean and sample standard deviation over the folds."""

    mean: float
    sd: float


class Scores(_Record):
    """What the cross-validation measured."""

    uar: Spread
    accuracy: Spread
    folds: tuple[FoldScore, ...]
    calibration_error: Share = Field(
        description="expected calibration error over all test parts, each with its fold's temperature"
    )
    uncalibrated_error: Share = Field(description="the same without a temperature")


class Facts(_Record):
    """All that a bundle says of itself, but for the hashes of its files."""

    format_version: Literal[1] = 1
    name: str = Field(pattern=NAME)
    labels: tuple[str, ...] = Field(min_length=2, description="in the order of the output")
    features: Features
    input_shape: tuple[int, ...] = Field(description="of one utterance")
    protocol: Protocol
    scores: Scores
    chosen_fold: int = Field(description="the fold whose network this is, counted from 1")
    chosen_by: str = Field(description="the rule that chose it")
    temperature: float = Field(
        default=1.0, gt=0, description="of the calibration; 1 leaves the network's output as it is"
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Facts":
        if self.input_shape != (self.features.n_features,):
            raise ValueError("input_shape and n_features disagree")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label stands twice")
        if self.chosen_fold not in {score.fold for score in self.scores.folds}:
            raise ValueError("chosen_fold is none of the folds")
        return self

    def to_metadata(self) -> dict[str, str]:
        """The facts as ONNX metadata_props: a JSON text for each field."""
        return {key: json.dumps(value) for key, value in self.model_dump(mode="json").items()}


class Manifest(Facts):
    """The content of `manifest.json`."""

    files: dict[FileName, str] = Field(description="SHA-256 of every other file, by name")
