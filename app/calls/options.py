"""The options of the analysis of a call: one type for requests, jobs, the batch command and live sessions."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from app.calls.metadata import Metadata
from app.core.diarization import MAX_SPEAKERS
from app.core.errors import RolesMismatch

MAX_ROLE_LENGTH = 40

NumberOfSpeakers = Annotated[int, Field(ge=1, le=MAX_SPEAKERS)] | Literal["auto"]
SpeakerOrder = Literal["first", "share"]
Role = Annotated[str, Field(min_length=1, max_length=MAX_ROLE_LENGTH)]


class CallOptions(BaseModel):
    """The options of an analysis. They do not change.

    Example:
        >>> CallOptions(channels=[1], roles=["agent", "customer"]).role_of(1)
        'customer'
    """

    model_config = ConfigDict(frozen=True)

    channels: tuple[int, ...] | None = Field(
        default=None, description="the channels to analyze; null: every permitted channel"
    )
    merge: bool = Field(
        default=False, description="whether neighboring segments of the same emotion become one segment"
    )
    roles: tuple[Role, ...] = Field(
        default=(),
        description="a name for each channel of the call, or for each speaker if speakers are separated; "
        "empty if they have none",
    )
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="the highest probability below which a segment has no emotion"
    )
    metadata: Metadata = Field(
        default={}, repr=False, description="the caller's own data about the call, which the answer repeats"
    )

    speakers: NumberOfSpeakers | None = Field(
        default=None,
        description="the number of speakers to separate on each channel, or `auto`; null: each channel is "
        "one speaker",
    )
    speaker_order: SpeakerOrder = Field(
        default="first",
        description="the order of the speakers of a channel: by their first words, or by their share of the "
        "speech",
    )

    def role_of(self, channel: int, speaker: int | None = None) -> str | None:
        """Return the role of a channel, or of a speaker if speakers are separated; None if it has none."""
        index = channel if self.speakers is None else speaker
        return self.roles[index] if index is not None and index < len(self.roles) else None

    def check(self, n_channels: int) -> Self:
        """Check the options against the number of channels of a call, and return them.

        Raises:
            RolesMismatch: the roles name neither the channels nor the speakers of one channel.
        """
        n_roles = len(self.roles)
        if not n_roles:
            return self
        if self.speakers is None and n_roles != n_channels:
            raise RolesMismatch(
                f"roles: {n_roles} names for {n_channels} channels. Name each channel of the call."
            )
        if self.speakers is not None and (n_channels if self.channels is None else len(self.channels)) > 1:
            raise RolesMismatch(
                "roles: with `speakers`, roles name the speakers of one channel. Choose a channel."
            )
        if isinstance(self.speakers, int) and n_roles > self.speakers:
            raise RolesMismatch(
                f"roles: {n_roles} names for {self.speakers} speakers. Name each speaker once."
            )
        return self
