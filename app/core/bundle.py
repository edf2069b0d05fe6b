"""The bundle: one folder that holds a model and all that is needed to use and to judge it.

    manifest.json   what it is, how it was trained, how it scored, SHA-256 of the other files
    scaler.json     mean and scale of each openSMILE feature: functionals, then descriptors
    model.onnx      inputs: any of `features` (n, n_functionals), `descriptors` (n, n_frames,
                    n_descriptors) and `log_mel` (n, n_frames, n_mels); output `probabilities`
                    (n, n_labels), and `speaker_logits` and `speaker_offsets` (n, n_labels) if
                    answers adapt to speakers; its metadata_props repeat the facts of the manifest
    MODEL_CARD.md   the same for people; pictures stand beside it

Reader and writer stand in this one file so that they cannot drift apart: the writer reads what
it wrote, with every check, before the bundle takes its place.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors
from pydantic import ValidationError

from app.core.errors import BundleError
from app.core.manifest import Facts, Manifest
from app.core.scaler import Scaler

MANIFEST = "manifest.json"
SCALER = "scaler.json"
MODEL = "model.onnx"
OPENSMILE_VERSION = version("opensmile")
OUTPUT = "probabilities"
SPEAKER_OUTPUTS = ("speaker_logits", "speaker_offsets")

_CANNOT_LOAD = (
    onnxruntime_errors.Fail,
    onnxruntime_errors.InvalidArgument,
    onnxruntime_errors.InvalidGraph,
    onnxruntime_errors.InvalidProtobuf,
    onnxruntime_errors.NotImplemented,
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that has passed every check.

    Attributes:
        manifest: what it says of itself.
        scaler: standardizes the functionals, then the descriptors.
        network: maps the inputs to `probabilities` (n, n_labels), on one core.
    """

    manifest: Manifest
    scaler: Scaler
    network: onnxruntime.InferenceSession


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check that it matches itself.

    Args:
        folder: the bundle; its name is the model's name.

    Returns:
        The bundle, ready to use.

    Raises:
        BundleError: a file is missing, altered or malformed, two of them disagree, or it was made
            with another version of openSMILE.
    """
    manifest = _read_manifest(folder)
    if manifest.name != folder.name:
        raise BundleError(
            f"{folder}: the manifest calls this bundle {manifest.name!r}; rename one of the two"
        )
    if manifest.features and manifest.features.opensmile_version != OPENSMILE_VERSION:
        raise BundleError(
            f"{folder}: made with opensmile {manifest.features.opensmile_version}, "
            f"but {OPENSMILE_VERSION} is installed"
        )
    for name in (SCALER, MODEL):
        if name not in manifest.files:
            raise BundleError(f"{folder}: the manifest has no hash of {name}")
    contents = {name: _read_hashed(folder / name, sha256) for name, sha256 in manifest.files.items()}
    try:
        scaler = Scaler.from_json(contents[SCALER].decode())
    except ValueError as error:
        raise BundleError(f"{folder / SCALER}: {error}") from error
    if scaler.mean.size != manifest.n_scaled:
        raise BundleError(
            f"{folder / SCALER}: {scaler.mean.size} features, but the manifest has {manifest.n_scaled}"
        )
    return Bundle(manifest, scaler, _read_network(folder / MODEL, manifest))


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: cannot be read ({error}); is this folder a bundle?") from error
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BundleError(f"{path}: {place}: {first['msg']}") from error


def _read_hashed(path: Path, sha256: str) -> bytes:
    """Read a file that has the hash given."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"{path}: altered since the bundle was written (its SHA-256 is not the manifest's)")
    return content


def _read_network(path: Path, manifest: Manifest) -> onnxruntime.InferenceSession:
    """Load the network and check it against the manifest."""
    network = _load(path)
    shapes = {**manifest.input_shapes, OUTPUT: (len(manifest.labels),)}
    if manifest.adapts_to_speaker:
        shapes |= dict.fromkeys(SPEAKER_OUTPUTS, (len(manifest.labels),))
    _check_ports(path, network, shapes)
    metadata = network.get_modelmeta().custom_metadata_map
    facts = Facts(**manifest.model_dump(exclude={"files"})).to_metadata()
    # A bundle of format 2 knows nothing of later fields.
    for key, value in facts.items():
        if key in manifest.model_fields_set and metadata.get(key) != value:
            raise BundleError(f"{path}: its metadata disagrees with the manifest about {key}")
    return network


def _load(path: Path) -> onnxruntime.InferenceSession:
    """Load a network on one core; from its path, since a session keeps the bytes that it is given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _CANNOT_LOAD as error:
        raise BundleError(f"{path}: ONNX Runtime cannot load it ({error})") from error


def _check_ports(
    path: Path, network: onnxruntime.InferenceSession, shapes: Mapping[str, tuple[int | None, ...]]
) -> None:
    """Raise unless the inputs and outputs are those given, after the axis of the utterances."""
    # A length that is free has a name in ONNX, and is null in the manifest.
    ports = {
        port.name: (port.type, tuple(n if isinstance(n, int) else None for n in port.shape[1:]))
        for port in (*network.get_inputs(), *network.get_outputs())
    }
    needed = {name: ("tensor(float)", shape) for name, shape in shapes.items()}
    if ports != needed:
        raise BundleError(f"{path}: its inputs and outputs are {ports}, but the manifest needs {needed}")


def write_bundle(
    folder: Path,
    facts: Facts,
    scaler: Scaler,
    network: bytes,
    papers: Mapping[str, bytes],
    *,
    overwrite: bool = False,
) -> Manifest:
    """Write a bundle whole, or not at all.

    It is written beside its place, read back with every check, then renamed.

    Args:
        folder: where it shall stand; named like the bundle.
        facts: what it says of itself.
        scaler: the scaler of the network's training part.
        network: the ONNX model, `facts.to_metadata()` in its metadata_props.
        papers: content of the model card and the pictures, by file name.
        overwrite: replace a bundle that stands there.

    Returns:
        The manifest as written.

    Raises:
        BundleError: something stands there, or the parts do not match each other.
        OSError: the disk is full, or the folder not writable.
    """
    if folder.exists() and not overwrite:
        raise BundleError(f"{folder} is there already; choose another name, or overwrite it")
    files = {SCALER: scaler.to_json().encode(), MODEL: network, **papers}
    manifest = Manifest(
        **facts.model_dump(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as beside:
        staged = Path(beside) / folder.name
        staged.mkdir()
        for name, content in files.items():
            (staged / name).write_bytes(content)
        (staged / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        read_bundle(staged)
        if folder.exists():
            shutil.move(folder, Path(beside) / "replaced")
        staged.rename(folder)
    return manifest
