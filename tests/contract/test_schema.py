"""Whatever is sent, every answer is one that the OpenAPI document promises, and none is a 5xx."""

import hashlib
import subprocess
import sys
from pathlib import Path

from testing.service import running

SCHEMATHESIS = str(Path(sys.executable).parent / "schemathesis")
KEY = "key of the test"


def test_every_answer_conforms(models_dir: Path, tmp_path: Path) -> None:
    entry = f"test:{hashlib.sha256(KEY.encode()).hexdigest()}"
    settings = {"SER_MODELS_DIR": str(models_dir), "SER_DEFAULT_MODEL": "small", "SER_API_KEYS": entry}
    settings |= {"SER_JOBS": "true", "SER_DATA_DIR": str(tmp_path)}
    with running(**settings) as service:
        command = [SCHEMATHESIS, "run", f"{service.url}/openapi.json", "--max-examples", "60", "--seed", "1"]
        command += ["--header", f"Authorization: Bearer {KEY}", "--no-color"]
        # That a string of bytes is a recording cannot be said in a schema.
        command += ["--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout[-5000:]
        assert "Tested: 12" in ended.stdout
        assert service.process.poll() is None
