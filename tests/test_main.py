import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.core.bundle import find_bundles
from app.core.errors import BundleError
from app.main import create_app
from app.settings import Settings
from testing.recordings import ROOT


def test_hidden_folders_and_files_are_not_bundles(models_dir: Path) -> None:
    (models_dir / ".partial-x").mkdir(exist_ok=True)
    (models_dir / "README.md").touch()
    found = find_bundles(models_dir, "small")
    assert [bundle.name for bundle in found] == ["other", "small"]


def test_a_bundle_can_be_a_symbolic_link(models_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(models_dir / "small", tmp_path / "small-2026-11")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "small").symlink_to(tmp_path / "small-2026-11")
    with TestClient(
        create_app(Settings(models_dir=tmp_path / "models", default_model="small", workers=1))
    ) as client:
        assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"models_dir": "nowhere"}, "SER_MODELS_DIR: there is no folder nowhere"),
        ({"default_model": "nobody"}, "SER_DEFAULT_MODEL: .* holds no bundle 'nobody', only: .*small"),
    ],
)
def test_an_application_without_its_bundle_is_not_created(
    models_dir: Path, settings: dict[str, str], reason: str
) -> None:
    with pytest.raises(BundleError, match=reason):
        create_app(Settings.model_validate({"models_dir": models_dir, "default_model": "small", **settings}))


def test_the_main_process_imports_no_heavy_libraries() -> None:
    heavy = "{'opensmile', 'pandas', 'tensorflow', 'sklearn', 'onnx'} & set(sys.modules)"
    code = f"import sys, app.main; sys.exit({heavy} or None)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
