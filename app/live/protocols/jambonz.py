"""The audio stream of jambonz, from the verb `listen` (or its other name, `stream`).

It follows https://docs.jambonz.org/verbs/verbs/listen: the first frame is text and describes the call, then
binary frames have the audio, as linear PCM of 16 bits, little-endian. The end of the connection is the end of
the stream. jambonz takes text frames as commands, so that the service sends none.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from app.live.connection import InvalidMessage
from app.live.messages import ErrorMessage, JournalMessage, Ready, Start
from app.live.protocols.options import AGENT, CUSTOMER, Options
from app.live.protocols.parsing import invalid, parse

_ROLES = {"mono": [CUSTOMER], "stereo": [CUSTOMER, AGENT], "mixed": ["mixed"]}
"""The roles of the channels by `mixType`. In a stereo stream, the party of the leg with `listen` is first."""


class _Call(BaseModel):
    reference: str | None = Field(default=None, validation_alias=AliasChoices("callSid", "call_sid"))
    sampling_rate: int = Field(validation_alias="sampleRate")
    mix: Literal["mono", "stereo", "mixed"] = Field(default="mono", validation_alias="mixType")


_FIRST: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class Jambonz:
    """The protocol of one stream, with the attributes and methods of `LiveProtocol`.

    Example:
        >>> Jambonz().read('{"callSid": "1", "sampleRate": 8000, "mixType": "stereo"}')[0].roles
        ['customer', 'agent']
    """

    name = "jambonz"
    reconnects = False
    awaits_close = False
    n_reordered = 0
    n_dropped = 0

    def __init__(self) -> None:
        """Start before the first frame."""
        self.key: str | None = None
        self._started = False

    def read(self, frame: str | bytes) -> Sequence[Start | bytes]:
        """Translate a frame of the client."""
        if not self._started:
            if isinstance(frame, bytes):
                raise InvalidMessage("The first frame must be text that describes the call.")
            self._started = True
            return [self._start(parse(_FIRST, frame))]
        return [frame] if isinstance(frame, bytes) else []  # text: pressed keys, and what was played

    def write(self, message: Ready | JournalMessage | ErrorMessage) -> Sequence[str]:  # noqa: ARG002
        """Translate a message of the service: none, since jambonz would take it as a command."""
        return []

    def _start(self, first: dict[str, Any]) -> Start:
        """Translate the first frame. `metadata` of the verb is part of it, or a field of its own."""
        metadata = first.get("metadata")
        try:
            call = _Call.model_validate(first)
            # `metadata` of the verb has our parameters, one of which may be our own `metadata`.
            named = {name: value for name, value in first.items() if name != "metadata"}
            options = Options.model_validate({**named, **(metadata if isinstance(metadata, dict) else {})})
        except ValidationError as error:
            raise invalid(error) from error
        self.key = options.key
        return options.start("linear16", call.sampling_rate, _ROLES[call.mix], call.reference)
