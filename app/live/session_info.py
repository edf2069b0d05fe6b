"""The description of a session."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.calls.options import CallOptions


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The description of a session, which does not change.

    Attributes:
        id: the ID of the session.
        caller: the name of the key.
        protocol: the name of the protocol.
        model: the name of the bundle.
        options: the options of the analysis, with the channels to analyze.
        reference: the ID of the call at the client; None if it gave none.
        started: the time of the start.
        reconnects: whether the client can continue the session with another connection.
    """

    id: str
    caller: str
    protocol: str
    model: str
    options: CallOptions
    reference: str | None
    started: datetime
    reconnects: bool

    @property
    def listed(self) -> dict[str, Any]:
        """The description for the list of sessions, as JSON values."""
        return {
            "id": self.id,
            "protocol": self.protocol,
            "model": self.model,
            "channels": list(self.options.channels or ()),
            "roles": list(self.options.roles),
            "reference": self.reference,
            "metadata": self.options.metadata,
            "started": self.started.isoformat(),
        }
