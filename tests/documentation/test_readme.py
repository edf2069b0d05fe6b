"""The settings, commands and answers in the README and the other pages are correct."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from testing.recordings import ROOT
from training.__main__ import VERBS
from training.command_line import parse
from training.data.folds import PROTOCOLS
from training.models import MODELS

README = (ROOT / "README.md").read_text()


TRAIN = (ROOT / "docs" / "train.md").read_text()


PAGES = [path.relative_to(ROOT).as_posix() for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])]


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def without_request_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "request_id"}


@pytest.fixture(scope="module")
def shipped() -> Iterator[TestClient]:
    """A client of the service as `make serve` starts it."""
    with TestClient(create_app(Settings(models_dir=ROOT / "models", workers=1))) as client:
        yield client


def test_the_curl_command_gets_the_documented_answer(shipped: TestClient) -> None:
    promised = json.loads(blocks("json")[0])
    answer = shipped.post(
        "/v1/audio/emotions", files={"file": (ROOT / "examples" / "utterance.wav").read_bytes()}
    ).json()
    assert answer == {**promised, "probabilities": pytest.approx(promised["probabilities"], abs=1e-4)}


def test_a_text_file_gets_the_documented_problem(shipped: TestClient) -> None:
    promised = json.loads(blocks("json")[1])
    answer = shipped.post("/v1/audio/emotions", files={"file": b"text"}).json()
    assert without_request_id(answer) == without_request_id(promised)


def test_every_setting_is_in_the_table() -> None:
    rows = dict(re.findall(r"^\| `(SER_\w+)` \| (.+?) \| .+ \|$", README, re.MULTILINE))
    rows |= dict(re.findall(r"`(SER_\w+)` \((`[\d.]+`)\)", README))
    fields = {f"SER_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        if field.default_factory is None:
            shown = "`false`" if field.default is False else f"`{field.default}`"
            assert rows[name] == ("none" if field.default in {"", None} else shown)


def test_every_documented_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "".join((ROOT / page).read_text() for page in PAGES)
    used = set(re.findall(r"(?:^|`|\d )make ([a-z-]+)\b", text, re.MULTILINE))
    assert {"serve", "test"} <= used <= targets


def training_commands() -> list[str]:
    commands = [block.replace("\\\n", " ") for page in (README, TRAIN) for block in blocks("sh", page)]
    return [line for command in commands for line in command.splitlines() if "-m training" in line]


@pytest.mark.parametrize("command", training_commands())
def test_every_training_command_is_valid(command: str) -> None:
    arguments = shlex.split(command.partition("-m training")[2])
    assert parse(arguments).verb in VERBS


def test_every_verb_model_and_protocol_is_documented() -> None:
    verbs = {command.partition("-m training ")[2].split()[0] for command in training_commands()}
    assert verbs == {
        *("corpora", "describe", "train", "compare", "evaluate", "explain", "adapt"),
        *("hyperparameters", "finetune", "redraw", "speaker-encoder"),
    }
    assert all(f"`{name}`" in TRAIN for name in (*MODELS, *PROTOCOLS))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_has_a_target(page: str) -> None:
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text())
    assert [link for link in links if not (folder / link).exists()] == []


def test_every_file_on_the_architecture_page_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"[\w/]+\.py\b", text))
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("app", "training", "clients", "rehearsal", "testing", "tests")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert len(named) > 15
    assert {name for name in named if not any(file.endswith(name) for file in files)} == set()


def test_no_page_contains_a_local_path() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "models").rglob("*.md")]
    assert pages
    assert not [page for page in pages if re.search(r"/(?:home|root|work|Users)/", page.read_text())]


def test_the_sizing_figures_equal_the_benchmark_results() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    rows = re.findall(r"^\| (?:utterances a second|calls|live calls|memory) \|(.*)\|$", page, re.MULTILINE)
    assert len(rows) == 4
    figures = [figure for row in rows for figure in re.findall(r"\d+\.\d+|\d+ to \d+ MiB|\d+ s\b", row)]
    assert len(figures) >= 6
    assert [figure for figure in figures if figure not in results] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_mentions_exists(page: str) -> None:
    folders = "app|training|tests|rehearsal|docs|fuzz|release|examples|benchmarks|models|requirements|dist"
    named = re.findall(rf"`((?:{folders})/[\w./-]+\.(?:py|md|onnx|wav|txt))`", (ROOT / page).read_text())
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    missing, file = [], ""
    # `::test_name` alone is in the file before it.
    named = re.findall(r"`((?:tests|rehearsal)/[\w/]+\.py)?(?:::(\w+))?`", (ROOT / page).read_text())
    for path, name in named:
        file = path or file
        if name and f"def {name}(" not in (ROOT / file).read_text():
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_name_in_the_recipes_is_in_the_code() -> None:
    recipes = (ROOT / "CONTRIBUTING.md").read_text()
    references = re.findall(r"`(\w+)(?:\(…\))?` in\s+`([\w/]+\.py)`", recipes)
    assert len(references) >= 7
    assert [
        reference for reference in references if reference[0] not in (ROOT / reference[1]).read_text()
    ] == []


def test_the_changelog_has_the_required_format() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    unreleased, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert unreleased == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in released)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds


def test_each_threat_has_its_protection_and_existing_tests() -> None:
    table = (ROOT / "SECURITY.md").read_text().partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    threats = [row for row in rows if not row[0].startswith("**")]
    assert len(threats) > 20
    for threat, protection, tests in threats:
        assert protection, threat
        names = re.findall(r"`(tests/[\w/]+\.py)`", tests)
        assert names, threat
        assert all((ROOT / name).is_file() for name in names), threat
