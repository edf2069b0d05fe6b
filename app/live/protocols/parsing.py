"""Validation of the JSON of a client."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from app.live.connection import InvalidMessage

T = TypeVar("T")

_MAX_FAULTS = 3
"""The number of faults that an error names, since a hostile message may have thousands."""


def parse(kind: TypeAdapter[T], text: str) -> T:
    """Parse a message.

    Args:
        kind: the type of the message.
        text: the message as JSON.

    Raises:
        InvalidMessage: the text is not JSON, or not a message of this type.
    """
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> InvalidMessage:
    """Return the error of a message that is not valid."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_FAULTS]
    details = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return InvalidMessage(f"A message is not valid. {'; '.join(details)}")
