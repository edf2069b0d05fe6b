"""The bodies of the Open Inference Protocol.

The first two bytes of an input are the header with the length of the JSON, little-endian; 0xFFFF: none.
"""

import json
from collections.abc import Iterator

from app.api.tensors import LENGTH, parse_request
from app.api.upload_errors import InvalidRequest, MalformedRequest

ERRORS = (InvalidRequest, MalformedRequest)

_NO_HEADER = 0xFFFF


def seeds() -> Iterator[bytes]:
    """Yield a request with Base64, and one with bytes after the JSON."""
    tensor = {"name": "audio", "datatype": "BYTES", "shape": [1]}
    body = {"id": "1", "parameters": {"channel": 0}, "inputs": [{**tensor, "data": ["UklGRg=="]}]}
    yield _NO_HEADER.to_bytes(2, "little") + json.dumps(body).encode()
    element = LENGTH.pack(4) + b"RIFF"
    start = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(element)}}]}).encode()
    yield len(start).to_bytes(2, "little") + start + element


def run(data: bytes) -> None:
    """Parse a request."""
    length = int.from_bytes(data[:2], "little")
    parse_request(data[2:], None if length == _NO_HEADER else length)
