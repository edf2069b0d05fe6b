"""What a bundle says of itself: the content of `manifest.json`.

Format 3 added `log_mel` and `adapts_to_speaker`, and made `features` optional. Bundles of format 2 are read
as they are.
"""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z0-9][a-z0-9._-]*$"

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Literal["functionals", "descriptors", "functionals and descriptors"]


class _Record(BaseModel):
    """Immutable, and without room for a field that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Features(_Record):
    """The openSMILE features that the network takes."""

    feature_set: str = Field(description="openSMILE's name of the feature set")
    level: Level = Field(description="which of the set's levels the network takes")
    sampling_rate: int = Field(gt=0, description="of the signal that is analysed, in Hz")
    n_functionals: int = Field(gt=0)
    n_descriptors: int = Field(gt=0, description="low-level descriptors in a frame of 10 ms")
    names_sha256: str = Field(description="SHA-256 of the names, functionals first, one a line")
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

    sampling_rate: int = Field(gt=0, description="of the signal that is analyzed, in Hz")
    n_mels: int = Field(gt=0, description="mel bands in a frame of 10 ms")
    encoder: str = Field(description="the pretrained encoder inside the network")

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shape of one utterance in the network's input."""
        return {"log_mel": (None, self.n_mels)}


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

    fold: str = Field(description="what was held out: a number counted from 1, or a corpus")
    uar: Share = Field(description="unweighted average recall on the test part")
    accuracy: Share = Field(description="on the test part")
    validation_uar: Share = Field(description="on the validation part, by networks trained without it")


class Spread(_Record):
    """Mean and sample standard deviation over the folds."""

    mean: float
    sd: float | None = Field(description="null where there is one fold")


class Scores(_Record):
    """What the cross-validation measured."""

    uar: Spread
    uar_interval: tuple[Share, Share] = Field(
        description="95 % bootstrap interval over the speakers, of the UAR of all test parts together"
    )
    accuracy: Spread
    folds: tuple[FoldScore, ...]
    calibration_error: Share = Field(
        description="expected calibration error over all test parts, each with its fold's temperature"
    )
    uncalibrated_error: Share = Field(description="the same without a temperature")


class Adaptation(_Record):
    """The unlabelled speech that a bundle's scaler was re-estimated from."""

    n_recordings: int
    n_frames: int = Field(description="of 10 ms, in all of them")
    weight: Share = Field(description="of this speech in the scaler; the rest is the original's")


class Facts(_Record):
    """All that a bundle says of itself, but for the hashes of its files."""

    format_version: Literal[2, 3] = 3
    name: str = Field(pattern=NAME)
    labels: tuple[str, ...] = Field(min_length=2, description="in the order of the output")
    features: Features | None = Field(
        default=None, description="null: the network takes no openSMILE features"
    )
    log_mel: LogMel | None = Field(default=None, description="null: the network takes no spectrogram")
    adapts_to_speaker: bool = Field(default=False, description="whether answers in a call adapt to speakers")
    input_shapes: dict[str, tuple[int | None, ...]] = Field(
        description="of one utterance; null is the number of frames"
    )
    protocol: Protocol
    scores: Scores
    model: str = Field(description="the name of the model in `training.models`")
    chosen_folds: tuple[str, ...] = Field(
        min_length=1, description="the folds whose networks answer together, or all-data"
    )
    chosen_by: str = Field(description="the rule that chose them")
    adapted_to: Adaptation | None = Field(default=None, description="unlabelled speech it was adapted to")
    temperature: float = Field(
        default=1.0, gt=0, description="of the calibration; 1 leaves the network's output as it is"
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Facts":
        described = [part.input_shapes for part in (self.features, self.log_mel) if part is not None]
        if not described:
            raise ValueError("there is no input: neither features nor log_mel")
        if self.input_shapes != {name: shape for shapes in described for name, shape in shapes.items()}:
            raise ValueError("input_shapes disagrees with features and log_mel")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label stands twice")
        if not set(self.chosen_folds) <= {"all-data", *(score.fold for score in self.scores.folds)}:
            raise ValueError("one of chosen_folds is none of the folds")
        return self

    @property
    def n_scaled(self) -> int:
        """The number of values that `scaler.json` covers: functionals, then descriptors."""
        return self.features.n_functionals + self.features.n_descriptors if self.features else 0

    def to_metadata(self) -> dict[str, str]:
        """The facts as ONNX metadata_props: a JSON text for each field."""
        return {key: json.dumps(value) for key, value in self.model_dump(mode="json").items()}


class Manifest(Facts):
    """The content of `manifest.json`."""

    files: dict[FileName, str] = Field(description="SHA-256 of every other file, by name")
