"""Schemathesis sends arbitrary requests: every answer conforms to the OpenAPI document, and none is a 5xx."""

import hashlib
import subprocess
import sys
from pathlib import Path

from testing import local
from testing.service import running

SCHEMATHESIS = str(Path(sys.executable).parent / "schemathesis")
KEY = "key of the test"


def test_every_answer_conforms_to_the_openapi_document(models_dir: Path, tmp_path: Path) -> None:
    entry = f"test:{hashlib.sha256(KEY.encode()).hexdigest()} scopes=recognize+jobs+live+metrics+admin"
    settings = {"SER_MODELS_DIR": str(models_dir), "SER_DEFAULT_MODEL": "small", "SER_API_KEYS": entry}
    settings |= {"SER_JOBS": "true", "SER_DATA_DIR": str(tmp_path)}
    with running(**settings) as service:
        command = [SCHEMATHESIS, "run", f"{service.url}/openapi.json", "--max-examples", "20", "--seed", "1"]
        command += ["--header", f"Authorization: Bearer {KEY}", "--no-color"]
        # A schema cannot express that a string of bytes is a recording.
        command += ["--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all"]
        completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stdout[-5000:]
        paths = local.get(f"{service.url}/openapi.json").json()["paths"]
        assert f"Tested: {sum(map(len, paths.values()))}" in completed.stdout
        assert service.process.poll() is None
