"""A client that is generated from the OpenAPI document uploads a recording and understands the answer."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from testing import local
from testing.recordings import EXAMPLE
from testing.service import running

GENERATOR = str(Path(sys.executable).parent / "openapi-python-client")
KEY = "key of the test"
# The program of an integrator. It runs in a separate process, because this repository does not check the
# generated code.
CALL = """
import json, sys
from pathlib import Path
from client import AuthenticatedClient
from client.api.emotions import recognize_emotions
from client.api.models import list_models
from client.models import EmotionAnswer, ProblemDocument, RecognizeEmotionsFilesBody
from client.types import File

url, key, recording = sys.argv[1:]

def ask(client, path, **parameters):
    with open(path, "rb") as file:
        body = RecognizeEmotionsFilesBody(file=File(payload=file, file_name="call.wav"))
        return recognize_emotions.sync(client=client, body=body, **parameters)

with AuthenticatedClient(base_url=url, token=key) as client:
    answer, problem = ask(client, recording, channel=0), ask(client, __file__)
    assert isinstance(answer, EmotionAnswer), answer
    assert isinstance(problem, ProblemDocument), problem
    results = {"answer": answer.to_dict(), "code": problem.code}
    results["default"] = list_models.sync(client=client).default
with AuthenticatedClient(base_url=url, token="wrong") as client:
    results["refused"] = ask(client, recording).code
print(json.dumps(results))
"""


def test_a_generated_client_gets_the_answers_of_the_service(models_dir: Path, tmp_path: Path) -> None:
    entry = f"test:{hashlib.sha256(KEY.encode()).hexdigest()}"
    with running(SER_MODELS_DIR=str(models_dir), SER_DEFAULT_MODEL="small", SER_API_KEYS=entry) as service:
        (tmp_path / "openapi.json").write_bytes(local.get(f"{service.url}/openapi.json").content)
        command = [
            GENERATOR,
            "generate",
            "--path",
            "openapi.json",
            "--output-path",
            "client",
            "--meta",
            "none",
        ]
        generated = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert generated.returncode == 0, generated.stdout + generated.stderr
        (tmp_path / "call.py").write_text(CALL)
        called = subprocess.run(
            [sys.executable, "call.py", service.url, KEY, EXAMPLE],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert called.returncode == 0, called.stderr
        results = json.loads(called.stdout)
        direct = local.post(
            f"{service.url}/v1/audio/emotions",
            content=EXAMPLE.read_bytes(),
            headers={"Content-Type": "audio/wav", "Authorization": f"Bearer {KEY}"},
        )
    assert results == {
        "answer": direct.json(),
        "code": "unsupported-media-type",
        "default": "small",
        "refused": "unauthenticated",
    }
