"""The reader of bundles, without the network.

The first byte of an input says which file it is: `M` for the manifest, `S` for the scaler. The other files of
the bundle are right, except for the network, which is empty, so that ONNX Runtime refuses every bundle.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache

from app.core.bundle import MANIFEST, MODEL, SCALER, read_bundle
from app.core.errors import BundleError
from fuzz.harness import folder
from testing.recordings import ROOT

ERRORS = (BundleError,)

NAME = "opensmile"
_NETWORK = b""


def seeds() -> Iterator[bytes]:
    """Yield the manifest and the scaler of a shipped bundle."""
    yield b"M" + _manifest(_scaler())
    yield b"S" + _scaler()


def run(data: bytes) -> None:
    """Read a bundle with this manifest or scaler."""
    content = data[1:]
    if data.startswith(b"S"):
        manifest, scaler = _manifest(content), content
    else:
        manifest, scaler = content, _scaler()
    bundle = folder() / NAME
    bundle.mkdir(exist_ok=True)
    for name, file in ((MANIFEST, manifest), (SCALER, scaler), (MODEL, _NETWORK)):
        (bundle / name).write_bytes(file)
    read_bundle(bundle)


@cache
def _shipped(name: str) -> bytes:
    """Return a file of the shipped bundle."""
    return (ROOT / "models" / NAME / name).read_bytes()


def _scaler() -> bytes:
    """Return the scaler of the shipped bundle."""
    return _shipped(SCALER)


def _manifest(scaler: bytes) -> bytes:
    """Return the manifest of the shipped bundle, with the hash of a scaler and of the empty network."""
    facts = json.loads(_shipped(MANIFEST))
    files = {SCALER: scaler, MODEL: _NETWORK}
    facts["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return json.dumps(facts).encode()
