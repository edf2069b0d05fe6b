"""`GET /asyncapi.json`: the live protocol as an AsyncAPI document, built from the models of the messages.

https://www.asyncapi.com/docs/reference/specification/v3.0.0 describes the format. Its schemas are a superset
of JSON Schema draft 7.
"""

from functools import cache
from inspect import getdoc
from typing import Any, get_args

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from app import __version__
from app.api.close_codes import close_codes
from app.api.live_examples import EXAMPLES
from app.live.messages import (
    AlertMessage,
    Closed,
    ErrorMessage,
    InterimMessage,
    Pause,
    Ready,
    Reconnect,
    Resume,
    SegmentMessage,
    SpeechStartedMessage,
    Start,
    Stop,
    SummaryMessage,
    TurningPointMessage,
    WarningMessage,
)

Models = tuple[type[BaseModel], ...]

FROM_CLIENT: Models = (Start, Reconnect, Pause, Resume, Stop)
FROM_SERVICE: Models = (
    Ready,
    SpeechStartedMessage,
    InterimMessage,
    SegmentMessage,
    TurningPointMessage,
    AlertMessage,
    WarningMessage,
    SummaryMessage,
    Closed,
    ErrorMessage,
)
AUDIO = {
    "name": "audio",
    "title": "audio",
    "summary": "Audio: a binary frame with interleaved samples, in pieces of any size.",
    "description": "For example, 20 ms of one channel in `linear16` at 8000 Hz are 320 bytes.",
    "contentType": "application/octet-stream",
    "payload": {"type": "string", "format": "binary"},
}
PROTOCOL = (
    "`WS /v1/audio/live` analyzes a call while it happens. Text frames are JSON objects with a `type`. "
    "Binary frames are audio.\n\n"
    "The first message of the client is `start`, or `reconnect` after a lost connection. The service answers "
    "with `ready`. Then the client sends audio, and `stop` at the end. The last message of the service is "
    "`closed` or `error`. The service ignores unknown fields of a message and refuses unknown types."
)

router = APIRouter(include_in_schema=False)


@router.api_route("/asyncapi.json", methods=["GET", "HEAD"])
async def send_document() -> JSONResponse:
    """Send the document, without a key, as FastAPI sends `/openapi.json`."""
    return JSONResponse(document())


@cache
def document() -> dict[str, Any]:
    """Return the document. The application that it describes is the service."""
    received = ["start", "audio", *(type_of(model) for model in FROM_CLIENT[1:])]
    sent = [type_of(model) for model in FROM_SERVICE]
    messages = {"audio": AUDIO, **{type_of(model): _message(model) for model in FROM_CLIENT + FROM_SERVICE}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Speech Emotion Service: live calls",
            "version": __version__,
            "description": f"{PROTOCOL}\n\n{_table_of_close_codes()}",
        },
        "defaultContentType": "application/json",
        "servers": {"service": _server("ws"), "proxy": _server("wss")},
        "channels": {"live": _channel([*received, *sent])},
        "operations": {
            "receiveStream": _operation("receive", "The messages of the client.", received),
            "sendEvents": _operation("send", "The messages of the service.", sent),
        },
        "components": {
            "schemas": _schemas(),
            "messages": messages,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. Not needed if the service has no keys.",
                }
            },
        },
    }


def type_of(model: type[BaseModel]) -> str:
    """Return the `type` of the messages of a model."""
    name: str = get_args(model.model_fields["type"].annotation)[0]
    return name


def _table_of_close_codes() -> str:
    """Return the close codes as a table in Markdown."""
    rows = [
        f"| {row.code} | {row.meaning}{f' (`{row.problem}`)' if row.problem else ''} |"
        for row in close_codes()
    ]
    return "\n".join(["| close code | meaning |", "| --- | --- |", *rows])


def _server(protocol: str) -> dict[str, Any]:
    """Describe the server with and without TLS."""
    host = {"default": "127.0.0.1:8000", "description": "the host of the service, and its port"}
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": "The service." if protocol == "ws" else "A proxy with TLS in front of the service.",
        "variables": {"host": host},
        "security": [{"$ref": "#/components/securitySchemes/key"}],
    }


def _channel(names: list[str]) -> dict[str, Any]:
    """Describe the WebSocket, and the request that opens it."""
    key = {"type": "string", "description": "`Bearer KEY`, if the service has keys"}
    return {
        "address": "/v1/audio/live",
        "title": "A live call",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {"type": "object", "properties": {"Authorization": key}},
            }
        },
    }


def _operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    """Describe one direction of the messages."""
    return {
        "action": action,
        "channel": {"$ref": "#/channels/live"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/live/messages/{name}"} for name in names],
    }


def _message(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the messages of a model."""
    name = type_of(model)
    return {
        "name": name,
        "title": name,
        "summary": getdoc(model),
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": [{"payload": EXAMPLES[name]}],
    }


def _schemas() -> dict[str, Any]:
    """Return the schemas of all messages: those that the service accepts, and those that it sends."""
    accepted: JsonSchemaMode = "validation"
    sent: JsonSchemaMode = "serialization"
    _, definitions = models_json_schema(
        [*((model, accepted) for model in FROM_CLIENT), *((model, sent) for model in FROM_SERVICE)],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


class _Schemas(GenerateJsonSchema):
    """Schemas in which every field that the service sends is required, also one with a default."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401, FBT001  # as in pydantic
        """Return whether every message has the field."""
        return self.mode == "serialization" or super().field_is_required(field, total)
