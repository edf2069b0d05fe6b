"""The messages of Twilio Media Streams, and of the dialects of Telnyx and Plivo.

They follow https://www.twilio.com/docs/voice/media-streams/websocket-messages,
https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming and
https://www.plivo.com/docs/voice/xml/the-stream-element. The dialects differ in the names of fields, and in
numbers, which Twilio and Telnyx send as strings. A message has every field of its dialect; the models have
those that matter here.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, Discriminator, Field, Tag, TypeAdapter

from app.core.containers.headerless import Encoding

MAX_PAYLOAD = 128_000
"""The longest payload, in Base64: 1 s at 48 kHz and 16 bits. It bounds the memory of messages that wait."""

ENCODINGS: dict[str, Encoding] = {
    "audio/x-mulaw": "mulaw",
    "audio/x-l16": "linear16",
    "PCMU": "mulaw",
    "PCMA": "alaw",
    "L16": "linear16",
}

_HEADER = re.compile(r"(\w+)\s*[=:]\s*([^\s,;{}]+)")
"""An extra header of Plivo, whose documentation has `a=1;b=2` in one place and `{X-PH-a: 1}` in another."""

Track = Literal["inbound", "outbound"]
Number = Annotated[int, Field(ge=0, le=2**53)]  # the integers that JSON keeps (RFC 8259, 6)
_SEQUENCE = AliasChoices("sequenceNumber", "sequence_number")


class MediaFormat(BaseModel):
    """The format of the payloads."""

    encoding: str
    sampling_rate: int = Field(validation_alias=AliasChoices("sampleRate", "sample_rate"))
    channels: Literal[1] = 1


class StartData(BaseModel):
    """The description of a stream."""

    reference: str | None = Field(
        default=None, validation_alias=AliasChoices("callSid", "callId", "call_control_id")
    )
    tracks: set[Track] | None = Field(default=None, min_length=1)
    format: MediaFormat = Field(validation_alias=AliasChoices("mediaFormat", "media_format"))
    parameters: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasChoices("customParameters", "custom_parameters")
    )


class Media(BaseModel):
    """Audio of one track."""

    track: Track = "inbound"
    timestamp: Number
    payload: str = Field(max_length=MAX_PAYLOAD)


class StartMessage(BaseModel):
    """A stream begins."""

    event: Literal["start"]
    number: Number | None = Field(default=None, validation_alias=_SEQUENCE)
    start: StartData
    extra_headers: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that the user of the platform set."""
        return {**dict(_HEADER.findall(self.extra_headers or "")), **(self.start.parameters or {})}


class MediaMessage(BaseModel):
    """Audio has arrived."""

    event: Literal["media"]
    number: Number = Field(validation_alias=_SEQUENCE)
    media: Media


class OtherMessage(BaseModel):
    """Any other message."""

    event: str
    number: Number | None = Field(default=None, validation_alias=_SEQUENCE)


def _kind(message: Any) -> str:  # noqa: ANN401  # pydantic passes whatever JSON the client sent
    event = message.get("event") if isinstance(message, dict) else None
    return event if event in ("start", "media") else "other"


MESSAGE: TypeAdapter[StartMessage | MediaMessage | OtherMessage] = TypeAdapter(
    Annotated[
        Annotated[StartMessage, Tag("start")]
        | Annotated[MediaMessage, Tag("media")]
        | Annotated[OtherMessage, Tag("other")],
        Discriminator(_kind),
    ]
)
