import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from app.core.bundle import MANIFEST, MODEL, SCALER, Bundle, read_bundle, write_bundle
from app.core.errors import BundleError
from app.core.manifest import Level, Manifest
from app.core.scaler import Scaler
from testing import bundles

SMALL = Scaler(np.zeros(3), np.ones(3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bundles.write(tmp_path)


def alter_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Replace a file and its hash, so that only the content can be wrong."""
    (folder / name).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    alter_manifest(folder, lambda manifest: manifest["files"].update({name: sha256}))


def assert_refused(folder: Path, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        read_bundle(folder)


def test_a_written_bundle_can_be_read(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert isinstance(bundle, Bundle)
    assert bundle.manifest.model_dump(exclude={"files"}) == bundles.facts().model_dump()
    assert set(bundle.manifest.files) == {SCALER, MODEL, "MODEL_CARD.md"}
    np.testing.assert_array_equal(bundle.scaler.scale, 1e3)


def test_a_bundle_is_readable_without_python(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["labels"] == list(bundles.LABELS)
    for name, sha256 in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize("level", ["descriptors", "functionals and descriptors"])
def test_a_network_with_descriptors_as_input_can_be_read(tmp_path: Path, level: Level) -> None:
    bundle = read_bundle(bundles.write(tmp_path, level=level))
    assert bundle.manifest.input_shapes["descriptors"] == (None, 26)
    assert {port.name for port in bundle.network.get_inputs()} == set(bundle.manifest.input_shapes)


@pytest.mark.parametrize("name", [SCALER, MODEL, "MODEL_CARD.md"])
def test_an_altered_file_is_detected(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert_refused(folder, f"{name}: altered")


@pytest.mark.parametrize("name", [MANIFEST, SCALER, MODEL, "MODEL_CARD.md"])
def test_a_missing_file_is_detected(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert_refused(folder, f"{name}: cannot be read")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.update(format_version=1), "format_version"),
        (lambda m: m.update(features=None), "there is no input"),
        (lambda m: m.update(adapts_to_speaker=True), "speaker_logits"),
        (lambda m: m.update(name="other"), "give the folder the same name"),
        (lambda m: m.update(name="../small"), "name"),
        (lambda m: m.pop("labels"), "labels: Field required"),
        (lambda m: m.update(labels=["anger", "anger", "a", "b", "c"]), "labels contain a duplicate"),
        (lambda m: m.update(labels=[*m["labels"], "fear"]), "inputs and output"),
        (lambda m: m.update(labels=m["labels"][::-1]), "disagrees with the manifest about labels"),
        (lambda m: m.update(temperature=2.0), "disagrees with the manifest about temperature"),
        (lambda m: m.update(temperature=0), "temperature"),
        (lambda m: m.update(input_shapes={"features": [1]}), "input_shapes disagrees"),
        (lambda m: m["features"].update(level="descriptors"), "input_shapes disagrees"),
        (lambda m: m.update(chosen_folds=["7"]), "chosen_folds"),
        (lambda m: m.update(chosen_folds=[]), "chosen_folds"),
        (lambda m: m.update(surprise=1), "surprise: Extra inputs"),
        (lambda m: m["files"].pop(MODEL), f"no hash of {MODEL}"),
        (lambda m: m["files"].pop(SCALER), f"no hash of {SCALER}"),
        (lambda m: m["files"].update({"../secret": "0"}), "files"),
    ],
)
def test_an_inconsistent_manifest_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    alter_manifest(folder, change)
    assert_refused(folder, reason)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{"])
def test_an_invalid_manifest_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    assert_refused(folder, MANIFEST)


def test_a_bundle_of_another_opensmile_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "OPENSMILE_VERSION", "2.5.0")
    with pytest.raises(BundleError, match=r"made with opensmile 2\.5\.0"):
        bundles.write(tmp_path)


def test_a_scaler_of_the_wrong_size_is_refused(folder: Path) -> None:
    replace_file(folder, SCALER, SMALL.to_json().encode())
    assert_refused(folder, "3 features, but the manifest has 1014")


def test_an_invalid_scaler_file_is_refused(folder: Path) -> None:
    replace_file(folder, SCALER, b"{}")
    assert_refused(folder, "needs the lists mean and scale")


@pytest.mark.parametrize("content", [b"", b"junk", b"\x08"])
def test_an_invalid_model_file_is_refused(folder: Path, content: bytes) -> None:
    replace_file(folder, MODEL, content)
    assert_refused(folder, MODEL)


def test_a_model_of_the_wrong_shape_is_refused(folder: Path) -> None:
    replace_file(folder, MODEL, bundles.network(bundles.facts(), n_labels=4))
    assert_refused(folder, "inputs and output")


def test_a_model_with_an_unknown_input_is_refused(folder: Path) -> None:
    replace_file(folder, MODEL, bundles.network(bundles.facts(), inputs="x"))
    assert_refused(folder, "inputs and output")


def write_again(folder: Path, *, overwrite: bool = False) -> Manifest:
    facts = bundles.facts()
    return write_bundle(
        folder,
        facts,
        bundles.scaler(facts),
        bundles.network(facts),
        {"NEW.md": b"new"},
        overwrite=overwrite,
    )


def test_a_bundle_is_not_overwritten_by_default(folder: Path) -> None:
    before = (folder / MANIFEST).read_bytes()
    with pytest.raises(BundleError, match="there already"):
        write_again(folder)
    assert (folder / MANIFEST).read_bytes() == before


def test_overwriting_replaces_the_whole_bundle(folder: Path) -> None:
    write_again(folder, overwrite=True)
    assert set(read_bundle(folder).manifest.files) == {SCALER, MODEL, "NEW.md"}
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]
    assert not (folder / "MODEL_CARD.md").exists()


def test_inconsistent_parts_are_not_written(tmp_path: Path) -> None:
    facts = bundles.facts()
    with pytest.raises(BundleError, match="3 features"):
        write_bundle(tmp_path / "small", facts, SMALL, bundles.network(facts), {})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_keeps_the_old_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / MANIFEST).read_bytes()

    def disk_full(path: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_again(folder, overwrite=True)
    monkeypatch.undo()
    assert (folder / MANIFEST).read_bytes() == before
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def test_a_bundle_of_format_2_can_still_be_read(folder: Path) -> None:
    model = onnx.load(folder / MODEL)
    new_fields = {"log_mel", "adapts_to_speaker", "label_mapping"}
    kept = [entry for entry in model.metadata_props if entry.key not in new_fields]
    for entry in kept:
        if entry.key == "format_version":
            entry.value = "2"
    properties = {entry.key: entry.value for entry in kept}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    replace_file(folder, MODEL, model.SerializeToString())

    def downgrade(manifest: dict[str, Any]) -> None:
        manifest["format_version"] = 2
        for name in new_fields:
            del manifest[name]

    alter_manifest(folder, downgrade)
    manifest = read_bundle(folder).manifest
    assert manifest.format_version == 2
    assert manifest.log_mel is None
    assert not manifest.adapts_to_speaker
