"""The README says what is true: its settings, its commands, its answers."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.recordings import ROOT
from training.__main__ import _parser
from training.folds import PROTOCOLS
from training.models import MODELS

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def without_request_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "request_id"}


@pytest.fixture(scope="module")
def shipped() -> Iterator[TestClient]:
    """The service as `make serve` starts it."""
    with TestClient(create_app(Settings(models_dir=ROOT / "models", workers=1))) as client:
        yield client


def test_the_curl_gives_the_answer(shipped: TestClient) -> None:
    promised = json.loads(blocks("json")[0])
    answer = shipped.post(
        "/v1/audio/emotions", files={"file": (ROOT / "examples" / "utterance.wav").read_bytes()}
    ).json()
    assert answer == {**promised, "probabilities": pytest.approx(promised["probabilities"], abs=1e-4)}


def test_the_wrong_file_gives_the_problem(shipped: TestClient) -> None:
    promised = json.loads(blocks("json")[1])
    answer = shipped.post("/v1/audio/emotions", files={"file": b"text"}).json()
    assert without_request_id(answer) == without_request_id(promised)


def test_every_setting_is_in_the_table() -> None:
    rows = dict(re.findall(r"^\| `(SER_\w+)` \| (.+?) \| .+ \|$", README, re.MULTILINE))
    fields = {f"SER_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        if field.default_factory is None:
            shown = "`false`" if field.default is False else f"`{field.default}`"
            assert rows[name] == ("none" if field.default in {"", None} else shown)


def test_every_make_target_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"(?:^|`|\d )make ([a-z]+)\b", README, re.MULTILINE))
    assert {"serve", "test"} <= used <= targets


def test_every_training_command_is_understood() -> None:
    commands = [block.replace("\\\n", " ") for block in blocks("sh") if "-m training" in block]
    assert len(commands) == 5
    for command in commands:
        (line,) = [line for line in command.splitlines() if "-m training" in line]
        arguments = shlex.split(line.partition("-m training")[2])
        assert callable(_parser().parse_args(arguments).run)


def test_every_model_and_protocol_is_told() -> None:
    assert all(f"`{name}`" in README for name in (*MODELS, *PROTOCOLS))


PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text())
    assert all((folder / link).exists() for link in links), links


def test_every_file_of_the_architecture_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"[\w/]+\.py\b", text))
    files = {
        path.relative_to(ROOT).as_posix()
        for room in ("app", "training")
        for path in (ROOT / room).rglob("*.py")
    }
    assert len(named) > 15
    assert {name for name in named if not any(file.endswith(name) for file in files)} == set()


def test_no_path_of_a_machine_is_told() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "models").rglob("*.md")]
    assert pages
    assert not [page for page in pages if re.search(r"/(?:home|root|work|Users)/", page.read_text())]
