"""The metadata of a call: strings that the caller wants to find again in the answer, such as a call ID.

The service stores and repeats the metadata. It neither interprets nor logs it. Therefore an error names the
limit that is exceeded, and not the content.
"""

import json
import unicodedata
from collections.abc import Mapping
from typing import Annotated

import pydantic_core
from pydantic import BeforeValidator, WithJsonSchema

from app.core.errors import SpeechEmotionError

MAX_ENTRIES = 16
MAX_KEY_LENGTH = 40
MAX_VALUE_LENGTH = 256
MAX_BYTES = 4096
"""The largest metadata as JSON with escapes, so that it fits into a header."""

_KEY_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


class InvalidMetadata(SpeechEmotionError, ValueError):
    """The metadata of a call is not an object of strings, or exceeds a limit."""


def parse_metadata(text: str | bytes) -> dict[str, str]:
    r"""Parse and check metadata.

    Args:
        text: a JSON object of strings, in UTF-8.

    Raises:
        InvalidMetadata: the text is not such an object, or the object exceeds a limit.

    Example:
        >>> parse_metadata('{"queue": "sales"}')
        {'queue': 'sales'}
        >>> parse_metadata('{"queue": 7}')
        Traceback (most recent call last):
        ...
        app.calls.metadata.InvalidMetadata: each value must be a string of at most 256 characters
    """
    if len(text) > MAX_BYTES:
        raise InvalidMetadata(f"at most {MAX_BYTES} bytes of JSON are permitted")
    try:
        value = pydantic_core.from_json(text)
    except ValueError:
        # Without the cause, whose message would show the content.
        raise InvalidMetadata("expected a JSON object of strings, in UTF-8") from None
    return check_metadata(value)


def check_metadata(value: object) -> dict[str, str]:
    """Check metadata.

    Args:
        value: a mapping of strings to strings.

    Raises:
        InvalidMetadata: the value is not such a mapping, or it exceeds a limit.
    """
    if not isinstance(value, Mapping):
        raise InvalidMetadata("expected an object of strings")
    if len(value) > MAX_ENTRIES:
        raise InvalidMetadata(f"at most {MAX_ENTRIES} keys are permitted")
    if not all(map(_is_key, value)):
        raise InvalidMetadata(
            f"each key must have 1 to {MAX_KEY_LENGTH} characters, of A-Z, a-z, 0-9, `_`, `.` and `-`"
        )
    if not all(map(_is_value, value.values())):
        raise InvalidMetadata(f"each value must be a string of at most {MAX_VALUE_LENGTH} characters")
    if not all(map(_is_printable, value.values())):
        raise InvalidMetadata("control characters are not permitted")
    if len(json.dumps(dict(value), separators=(",", ":"))) > MAX_BYTES:
        raise InvalidMetadata(f"at most {MAX_BYTES} bytes of JSON are permitted")
    return dict(value)


def _is_key(key: object) -> bool:
    return isinstance(key, str) and 0 < len(key) <= MAX_KEY_LENGTH and _KEY_CHARACTERS.issuperset(key)


def _is_value(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_VALUE_LENGTH


def _is_printable(text: str) -> bool:
    """Return whether a text has no control characters and no surrogates, which databases refuse."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


Metadata = Annotated[
    dict[str, str],
    BeforeValidator(check_metadata),
    # Only the shape: generators of clients understand no more.
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_LENGTH},
            "maxProperties": MAX_ENTRIES,
        }
    ),
]
"""Checked metadata."""
