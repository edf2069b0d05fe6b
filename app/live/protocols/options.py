"""The parameters of a session, which the user of a telephony platform sets there."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.calls.metadata import Metadata, parse_metadata
from app.calls.options import NumberOfSpeakers, SpeakerOrder
from app.core.containers.headerless import Encoding
from app.live.messages import Callback, Start
from app.live.protocols.parsing import invalid

CUSTOMER, AGENT = "customer", "agent"
"""The roles of the channels, unless the parameter `roles` names others."""


def _split(value: object) -> object:
    """Split a list such as `0,1`, because most platforms pass on only strings."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _parse(value: object) -> object:
    """Parse metadata in a string, because most platforms pass on only strings."""
    return parse_metadata(value) if isinstance(value, str) else value


class Options(BaseModel):
    """The parameters of a session. Further parameters, which a platform may add, are ignored.

    Example:
        >>> Options(analyze="0,1", key="secret").analyze
        [0, 1]
    """

    model_config = ConfigDict(extra="ignore")

    key: str | None = Field(default=None, description="the API key")
    model: str | None = Field(default=None, description="as in `start`")
    analyze: Annotated[list[int] | None, BeforeValidator(_split)] = Field(
        default=None, description="as in `start`"
    )
    roles: Annotated[list[str] | None, BeforeValidator(_split)] = Field(
        default=None, description="as in `start`"
    )
    min_confidence: float | None = Field(default=None, description="as in `start`")
    speakers: NumberOfSpeakers | None = Field(default=None, description="as in `start`")
    speaker_order: SpeakerOrder = Field(default="first", description="as in `start`")
    interim_interval: float | None = Field(
        default=None, description="as in `start`; null for no interim answers"
    )
    callback: str | None = Field(default=None, description="the `url` of the callback in `start`")
    callback_events: Annotated[list[str] | None, BeforeValidator(_split)] = Field(
        default=None, description="the `events` of the callback in `start`"
    )
    keep: bool = Field(default=False, description="as in `start`")
    metadata: Annotated[Metadata, BeforeValidator(_parse)] = Field(
        default={}, repr=False, description="as in `start`, or as JSON in a string"
    )
    tracks: Literal["inbound", "outbound", "both"] = Field(
        default="inbound", description="the tracks, for a platform whose first message does not list them"
    )
    byte_order: Literal["little", "big"] = Field(default="little", description="the byte order of L16")

    @property
    def named_tracks(self) -> set[str]:
        """The tracks that `tracks` names."""
        return {"inbound", "outbound"} if self.tracks == "both" else {self.tracks}

    def start(
        self, encoding: Encoding, sampling_rate: int, roles: Sequence[str], reference: str | None
    ) -> Start:
        """Return the first message of a session.

        Args:
            encoding: the encoding of the samples.
            sampling_rate: the sampling rate, in Hz.
            roles: the role of each channel, unless the parameters name roles.
            reference: the ID of the call at the platform.

        Raises:
            InvalidMessage: a parameter is out of range.
        """
        callback = {"events": self.callback_events} if self.callback_events else {}
        try:
            return Start(
                type="start",
                encoding=encoding,
                sampling_rate=sampling_rate,
                channels=len(roles),
                roles=self.roles or list(roles),
                analyze=self.analyze,
                interim_interval=self.interim_interval,
                model=self.model,
                min_confidence=self.min_confidence,
                speakers=self.speakers,
                speaker_order=self.speaker_order,
                callback=Callback.model_validate({"url": self.callback, **callback})
                if self.callback
                else None,
                keep=self.keep,
                reference=reference,
                metadata=self.metadata,
            )
        except ValidationError as error:
            raise invalid(error) from error
