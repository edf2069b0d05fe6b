"""The bundle: one folder with a model and everything needed to use and to assess the model.

    manifest.json   identity, training and scores of the model, SHA-256 of the other files
    scaler.json     mean and scale of each openSMILE feature: functionals, then descriptors
    model.onnx      inputs: any of `features` (n, n_functionals), `descriptors` (n, n_frames,
                    n_descriptors) and `log_mel` (n, n_frames, n_mels); output `probabilities`
                    (n, n_labels), and `speaker_logits` and `speaker_offsets` (n, n_labels) if
                    answers adapt to speakers; metadata_props with the facts of the manifest
    MODEL_CARD.md   the same facts for people; its pictures are in the same folder

The reader and the writer share this file so that they stay consistent. The writer reads a new bundle back,
with every check, before it moves the bundle to its final place.
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
        manifest: the content of `manifest.json`.
        scaler: the scaler of the functionals, then the descriptors.
        network: the network, which maps the inputs to `probabilities` (n, n_labels), on one core.
    """

    manifest: Manifest
    scaler: Scaler
    network: onnxruntime.InferenceSession


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check its consistency.

    Args:
        folder: the folder of the bundle. Its name is the name of the model.

    Returns:
        The bundle, ready to use.

    Raises:
        BundleError: a file is missing, altered or malformed, two files disagree, or the bundle was made
            with another version of openSMILE.

    Example:
        >>> from pathlib import Path
        >>> read_bundle(Path("models/opensmile")).manifest.model
        'paper-cnn'
    """
    manifest = _read_manifest(folder)
    if manifest.name != folder.name:
        raise BundleError(
            f"{folder}: the manifest names this bundle {manifest.name!r}; give the folder the same name"
        )
    if manifest.features and manifest.features.opensmile_version != OPENSMILE_VERSION:
        raise BundleError(
            f"{folder}: made with opensmile {manifest.features.opensmile_version}, "
            f"but {OPENSMILE_VERSION} is installed; install the same version, or train the bundle again"
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
        raise BundleError(f"{path}: cannot be read ({error}); check that the folder is a bundle") from error
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BundleError(f"{path}: {field}: {first['msg']}") from error


def _read_hashed(path: Path, sha256: str) -> bytes:
    """Read a file and check its hash."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(
            f"{path}: altered since the bundle was written: its SHA-256 differs from the manifest"
        )
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
    # A bundle of format 2 lacks the fields of later formats.
    for key, value in facts.items():
        if key in manifest.model_fields_set and metadata.get(key) != value:
            raise BundleError(f"{path}: its metadata disagrees with the manifest about {key}")
    return network


def _load(path: Path) -> onnxruntime.InferenceSession:
    """Load a network, to run on one core.

    The session reads the path, because a session keeps a copy of any bytes that it receives.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _CANNOT_LOAD as error:
        raise BundleError(f"{path}: ONNX Runtime cannot load it ({error})") from error


def _check_ports(
    path: Path, network: onnxruntime.InferenceSession, shapes: Mapping[str, tuple[int | None, ...]]
) -> None:
    """Check the types and shapes of the inputs and outputs. The shapes omit the batch axis."""
    # A variable length has a name in ONNX and is null in the manifest.
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
    artifacts: Mapping[str, bytes],
    *,
    overwrite: bool = False,
) -> Manifest:
    """Write a bundle completely or not at all.

    The bundle is written to a temporary folder, read back with every check, and then renamed.

    Args:
        folder: the folder of the bundle. Its name must be the name of the bundle.
        facts: the facts of the manifest.
        scaler: the scaler, fitted to the training part of the network.
        network: the ONNX model, with `facts.to_metadata()` in its metadata_props.
        artifacts: the content of the model card and of the pictures, by file name.
        overwrite: whether an existing bundle is replaced.

    Returns:
        The manifest of the new bundle.

    Raises:
        BundleError: the folder exists, or the parts do not match each other.
        OSError: the disk is full, or the folder is not writable.
    """
    if folder.exists() and not overwrite:
        raise BundleError(f"{folder} is there already; choose another name, or overwrite it")
    files = {SCALER: scaler.to_json().encode(), MODEL: network, **artifacts}
    manifest = Manifest(
        **facts.model_dump(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as temporary:
        staged = Path(temporary) / folder.name
        staged.mkdir()
        for name, content in files.items():
            (staged / name).write_bytes(content)
        (staged / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        read_bundle(staged)
        if folder.exists():
            shutil.move(folder, Path(temporary) / "replaced")
        staged.rename(folder)
    return manifest


def find_bundles(folder: Path, default: str) -> list[Path]:
    """Find the bundles of a folder.

    Args:
        folder: the folder of the bundles. Each folder in it is a bundle, except hidden folders.
        default: the name of a bundle that must exist.

    Returns:
        The folders of the bundles, ordered by name.

    Raises:
        BundleError: the folder does not exist, or the default bundle is not in it.
    """
    if not folder.is_dir():
        raise BundleError(f"SER_MODELS_DIR: there is no folder {folder}")
    bundles = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    names = [bundle.name for bundle in bundles]
    if default not in names:
        raise BundleError(
            f"SER_DEFAULT_MODEL: {folder} holds no bundle {default!r}, only: {', '.join(names) or 'nothing'}"
        )
    return bundles
