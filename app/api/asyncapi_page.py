"""`GET /asyncapi`: the AsyncAPI document as a web page."""

import json
import re
from functools import cache
from html import escape
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.api.asyncapi import document
from app.api.close_codes import close_codes
from app.api.home import HEADERS

Schema = dict[str, Any]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="page/colors.css">
<link rel="stylesheet" href="page/page.css">
<link rel="stylesheet" href="page/reference.css">
</head>
<body class="reference">
<header class="top">
<p class="brand"><img src="page/icon.svg" alt="" width="28" height="28">
<a href="./">Speech Emotion Service</a></p>
<p class="top-tools"><a href="docs">API</a><a href="asyncapi.json">AsyncAPI document</a></p>
</header>
<main>
<div class="intro">
<h1>Live calls</h1>
{introduction}
<p>If the service has keys, send <code>Authorization: Bearer KEY</code> with the request that opens the
WebSocket. The last frame has a <a href="#close-codes">close code</a>. This is version {version}.</p>
</div>
{operations}
<section><h2>Types</h2>{types}</section>
<section><h2 id="close-codes">Close codes</h2><dl class="panel fields codes">{codes}</dl></section>
</main>
</body>
</html>
"""
DIRECTIONS = {"receive": "From the client", "send": "From the service"}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
}
"""The limits of JSON Schema, in words."""

router = APIRouter(include_in_schema=False)


@router.api_route("/asyncapi", methods=["GET", "HEAD"])
async def show_reference() -> HTMLResponse:
    """Send the page, with the security headers of the page at `/`."""
    return HTMLResponse(_page(), headers=HEADERS)


@cache
def _page() -> str:
    """Render the document."""
    content = document()
    schemas, messages = content["components"]["schemas"], content["components"]["messages"]
    payloads = {_name(message["payload"]) for message in messages.values()}
    introduction, _, _ = content["info"]["description"].partition("\n\n| ")
    return PAGE.format(
        title=escape(content["info"]["title"]),
        version=escape(content["info"]["version"]),
        introduction="".join(f"<p>{_text(part)}</p>" for part in introduction.split("\n\n")),
        operations="".join(
            _operation(operation, messages, schemas) for operation in content["operations"].values()
        ),
        types="".join(
            _panel(name, schema["description"], _fields(schema, schemas), "")
            for name, schema in schemas.items()
            if name not in payloads
        ),
        codes="".join(
            _row(str(row.code), _problem_link(row.problem), f"{escape(row.meaning)}.")
            for row in close_codes()
        ),
    )


def _operation(operation: Schema, messages: Schema, schemas: Schema) -> str:
    """Render the messages of one direction, after links to each of them."""
    names = [_name(reference) for reference in operation["messages"]]
    links = " ".join(f'<a href="#{name}"><code>{name}</code></a>' for name in names)
    panels = "".join(_message(messages[name], schemas) for name in names)
    title = DIRECTIONS[operation["action"]]
    return f'<section><h2>{title}</h2><p class="contents">{links}</p>{panels}</section>'


def _message(message: Schema, schemas: Schema) -> str:
    """Render a message: its fields and an example."""
    name = message["name"]
    schema = schemas.get(_name(message["payload"]), {})
    text = " ".join(filter(None, [message["summary"], message.get("description")]))
    examples = "".join(
        f'<pre tabindex="0" role="region" aria-label="Example of {name}"><code>'
        f"{escape(json.dumps(example['payload'], indent=2))}</code></pre>"
        for example in message.get("examples", [])
    )
    return _panel(name, text, _fields(schema, schemas), examples)


def _panel(name: str, text: str, fields: str, example: str) -> str:
    """Render one message or one type."""
    heading = f'<h3><a href="#{name}"><code>{escape(name)}</code></a></h3><p>{_text(text)}</p>'
    columns = f'<div class="columns">{fields}{example}</div>' if fields or example else ""
    return f'<article class="panel" id="{name}">{heading}{columns}</article>'


def _fields(schema: Schema, schemas: Schema) -> str:
    """Render the fields of a schema."""
    required = schema.get("required", [])
    rows = [
        _row(name, _type(field) + ("" if name in required else _default(field)), _meaning(field, schemas))
        for name, field in schema.get("properties", {}).items()
    ]
    return f'<dl class="fields">{"".join(rows)}</dl>' if rows else ""


def _row(name: str, kind: str, meaning: str) -> str:
    """Render a field or a code: its name, its type and its meaning."""
    return f'<div><dt><code>{escape(name)}</code></dt><dd class="quiet">{kind}</dd><dd>{meaning}</dd></div>'


def _type(field: Schema) -> str:
    """Render the type of a field."""
    if "$ref" in field:
        name = _name(field)
        return f'<a href="#{name}">{escape(name)}</a>'
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "const" in field or "enum" in field:
        return " or ".join(_value(value) for value in field.get("enum", [field.get("const")]))
    name = "list" if field.get("type") == "array" else str(field.get("type", "any"))
    of = field.get("items") or field.get("additionalProperties")
    limits = [words.format(_value(field[limit])) for limit, words in LIMITS.items() if limit in field]
    return ", ".join([escape(name) + (f" of {_type(of)}" if isinstance(of, dict) else ""), *limits])


def _default(field: Schema) -> str:
    """Render the default of a field that may be omitted."""
    return f", default {_value(field['default'])}" if "default" in field else ", optional"


def _meaning(field: Schema, schemas: Schema) -> str:
    """Render the description of a field; without one, the description of its type."""
    return _text(field.get("description") or schemas.get(_name(field), {}).get("description", ""))


def _problem_link(code: str) -> str:
    """Render a link to the page of a problem."""
    return f'<a href="problems/{code}">{code}</a>' if code else ""


def _name(reference: Schema) -> str:
    """Return the last part of a reference; empty for another schema."""
    return str(reference.get("$ref", "")).rpartition("/")[2]


def _value(value: object) -> str:
    """Render a value as JSON."""
    return f"<code>{escape(json.dumps(value))}</code>"


def _text(text: str) -> str:
    """Render the code in a text with the backticks of Markdown."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
