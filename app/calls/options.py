"""The options of the analysis of a call: one type for requests, jobs, the batch command and live sessions."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from app.calls.metadata import Metadata
from app.core.errors import RolesMismatch

MAX_ROLE_LENGTH = 40

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
        default=(), description="a name for each channel of the call; empty if they have none"
    )
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="the highest probability below which a segment has no emotion"
    )
    metadata: Metadata = Field(
        default={}, repr=False, description="the caller's own data about the call, which the answer repeats"
    )

    def role_of(self, channel: int) -> str | None:
        """Return the role of a channel; None if it has none."""
        return self.roles[channel] if self.roles else None

    def check(self, n_channels: int) -> Self:
        """Check the options against the number of channels of a call, and return them.

        Raises:
            RolesMismatch: the number of roles differs from the number of channels.
        """
        if self.roles and len(self.roles) != n_channels:
            raise RolesMismatch(
                f"roles: {len(self.roles)} names for {n_channels} channels. Name each channel of the call."
            )
        return self
