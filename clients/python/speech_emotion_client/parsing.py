"""Conversion of the JSON of an answer to dataclasses.

The conversion ignores fields that it does not know, so that an older client reads the answers of a newer
service. A field that the service does not send has the default of its dataclass, so that a newer client reads
the answers of an older service.
"""

from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from speech_emotion_client.errors import UnexpectedAnswer

T = TypeVar("T")

RAW = "raw"
"""The field that keeps the JSON object as it is."""


def parse(kind: type[T], value: object, path: str = "the answer") -> T:
    """Convert a JSON value to a dataclass.

    Args:
        kind: the dataclass.
        value: the JSON value, as `json.loads` returns it.
        path: the place of the value, for error messages.

    Returns:
        An instance of the dataclass.

    Raises:
        UnexpectedAnswer: the value lacks a field, or a field has another type.

    Example:
        >>> from speech_emotion_client.answers import TurningPoint
        >>> row = {"time": 7, "channel": 1, "before": "anger", "after": "neutral", "new": True}
        >>> parse(TurningPoint, row).time
        7.0
    """
    return cast("T", _convert(kind, value, path))


def _convert(kind: Any, value: object, path: str) -> object:  # noqa: ANN401, PLR0911  # a type, and its cases
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin in {Union, UnionType}:
            (other,) = (argument for argument in arguments if argument is not NoneType)
            return None if value is None else _convert(other, value, path)
        case origin if origin is tuple and isinstance(value, list):
            return tuple(_convert(arguments[0], item, f"{path}[{place}]") for place, item in enumerate(value))
        case origin if origin is dict and isinstance(value, dict):
            return {key: _convert(arguments[1], item, f"{path}.{key}") for key, item in value.items()}
    if is_dataclass(kind) and isinstance(value, dict):
        return _record(cast("type[object]", kind), value, path)
    if kind is datetime and isinstance(value, str):
        return _time(value, path)
    if kind is float and type(value) is int:
        return float(value)
    if kind is Any or type(value) is kind:
        return value
    raise UnexpectedAnswer(f"{path} is {_name(value)}, but {getattr(kind, '__name__', kind)} is expected.")


def _record(kind: type[object], value: Mapping[str, object], path: str) -> object:
    values: dict[str, object] = {}
    types = _types_of(cast("Hashable", kind))
    for field in fields(kind):  # type: ignore[arg-type]  # the caller has checked that it is a dataclass
        if field.name == RAW:
            values[RAW] = value
        elif field.name in value:
            values[field.name] = _convert(types[field.name], value[field.name], f"{path}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise UnexpectedAnswer(
                f"{path} has no field {field.name}. Check that the URL is that of the service."
            )
    return kind(**values)


@cache
def _types_of(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


def _time(value: str, path: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise UnexpectedAnswer(f"{path} is not a time in the format of ISO 8601.") from error


def _name(value: object) -> str:
    return "null" if value is None else type(value).__name__
