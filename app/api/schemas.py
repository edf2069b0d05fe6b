"""What the service answers, as schemas."""

from pydantic import BaseModel, ConfigDict, Field

from app.core.manifest import Facts


class EmotionAnswer(BaseModel):
    """The emotion of one utterance."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "multilingual",
                    "duration": 3.52,
                    "speech": True,
                    "emotion": "anger",
                    "probabilities": {
                        "anger": 0.81,
                        "surprise": 0.02,
                        "happiness": 0.10,
                        "sadness": 0.01,
                        "neutral": 0.06,
                    },
                }
            ]
        }
    )

    model: str = Field(description="the bundle that answered")
    duration: float = Field(description="of the recording, in seconds")
    speech: bool = Field(description="whether there is speech in the recording")
    emotion: str | None = Field(description="the most probable emotion; null without speech")
    probabilities: dict[str, float] | None = Field(
        description="the probability of each emotion, adding up to 1; null without speech"
    )


class Model(Facts):
    """One model that is served: what it is, how it was trained and how it scored."""


class Models(BaseModel):
    """The models that are served."""

    default: str = Field(description="answers where a request names none")
    models: list[Model]


class Health(BaseModel):
    """Whether the service is alive, or ready."""

    status: str = Field(examples=["ok"])


class ProblemDocument(BaseModel):
    """An error, by RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/audio-too-short",
                    "title": "The recording is too short",
                    "status": 422,
                    "detail": "The recording lasts 0.050 s; at least 0.25 s of sound are needed.",
                    "code": "audio-too-short",
                    "request_id": "0d8f1c0e6f0b4b1f8a3d0f6f2a9b7c55",
                }
            ]
        }
    )

    type: str = Field(description="names the kind of error; the same for every error of the code")
    title: str
    status: int
    detail: str = Field(description="what was wrong this time, and what to do")
    code: str = Field(description="the kind of error, for programs")
    request_id: str = Field(
        description="the same as in the header X-Request-ID; quote it when you report an error"
    )
