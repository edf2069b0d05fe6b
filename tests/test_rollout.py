"""The state of a rollout, its choices, and the command that changes it."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from app.rollout import Rollout
from testing import bundles
from testing.commands import run_here

IDS = [UUID(int=number * 0x9E3779B97F4A7C15).hex for number in range(10_000)]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_the_candidate_gets_its_share_of_the_requests(share: float) -> None:
    rollout = Rollout(stable="old", candidate="new", share=share, shadow=share)
    deviation = 4 * (share * (1 - share) * len(IDS)) ** 0.5  # of the binomial distribution
    for chosen in (rollout.candidate_answers, rollout.candidate_shadows):
        assert abs(sum(map(chosen, IDS)) - share * len(IDS)) <= deviation


def test_shadows_are_chosen_independently_of_answers() -> None:
    rollout = Rollout(stable="old", candidate="new", share=0.5, shadow=0.5)
    both = sum(rollout.candidate_answers(one) and rollout.candidate_shadows(one) for one in IDS)
    assert abs(both - len(IDS) / 4) <= 4 * (len(IDS) * 3 / 16) ** 0.5


def test_a_larger_share_keeps_the_requests_of_a_smaller_one() -> None:
    some, more = (Rollout(stable="old", candidate="new", share=share) for share in (0.1, 0.3))
    assert {one for one in IDS if some.candidate_answers(one)} < {
        one for one in IDS if more.candidate_answers(one)
    }


def test_without_a_candidate_nothing_is_chosen() -> None:
    assert not any(map(Rollout(stable="old").candidate_answers, IDS))


@pytest.fixture
def environment(models_dir: Path, tmp_path: Path) -> dict[str, str]:
    """The settings of the command, with a file that does not exist yet."""
    return {
        "SER_MODELS_DIR": str(models_dir),
        "SER_DEFAULT_MODEL": "small",
        "SER_ROLLOUT": str(tmp_path / "folder" / "rollout.json"),
    }


def step(environment: dict[str, str], *arguments: str) -> dict[str, object]:
    """Run a step that succeeds, and return the parts of the file that are set."""
    ended = run_here(environment, "rollout", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    file = Path(environment["SER_ROLLOUT"])
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    return {name: value for name, value in json.loads(file.read_text()).items() if value}


def test_a_rollout_goes_forward_and_back(environment: dict[str, str]) -> None:
    started = {"stable": "small", "candidate": "other", "share": 0.2, "shadow": 0.5}
    assert step(environment, "start", "other", "--share", "0.2", "--shadow", "0.5") == started
    assert step(environment, "start", "other") == {"stable": "small", "candidate": "other", "share": 0.1}
    assert step(environment, "back") == {"stable": "small"}
    step(environment, "start", "other")
    assert step(environment, "forward") == {"stable": "other", "previous": "small"}
    assert step(environment, "back") == {"stable": "small"}


def test_without_a_step_the_command_shows_the_state(environment: dict[str, str]) -> None:
    shown = run_here(environment, "rollout")
    assert shown.stdout == "small answers 100.0% of the requests that name no model\n"
    assert not Path(environment["SER_ROLLOUT"]).exists()
    step(environment, "start", "other", "--share", "0.2", "--shadow", "0.5")
    assert run_here(environment, "rollout").stdout.splitlines() == [
        "small answers 80.0% of the requests that name no model",
        "other answers 20.0%",
        "other evaluates 50.0% of the other utterances, without influence",
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["start", "nobody"], "there is no bundle 'nobody'. Copy it to the folder"),
        (["start", "small"], "'small' is the stable bundle already"),
        (["forward"], "There is no new bundle. Name one"),
        (["back"], "There is nothing to undo"),
    ],
)
def test_an_impossible_step_changes_nothing(
    environment: dict[str, str], arguments: list[str], reason: str
) -> None:
    ended = run_here(environment, "rollout", *arguments)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert not Path(environment["SER_ROLLOUT"]).exists()


def test_two_rollouts_at_a_time_are_refused(environment: dict[str, str]) -> None:
    step(environment, "start", "other")
    ended = run_here(environment, "rollout", "start", "third")
    assert (ended.returncode, ended.stderr) == (2, "'other' is in a rollout. First go forward or back\n")


@pytest.mark.parametrize("share", ["1.5", "-0.1", "nan", "some"])
def test_a_share_is_a_number_from_0_to_1(environment: dict[str, str], share: str) -> None:
    ended = run_here(environment, "rollout", "start", "other", f"--share={share}")
    assert ended.returncode == 2
    assert "argument --share" in ended.stderr


def test_a_bundle_with_other_labels_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    models = tmp_path / "models"
    bundles.write(models, "small")
    bundles.write(models, "valence", labels=("negative", "neutral", "positive"))
    ended = run_here({**environment, "SER_MODELS_DIR": str(models)}, "rollout", "start", "valence")
    assert ended.returncode == 2
    assert (
        "the labels of 'valence' (negative, neutral, positive) differ from those of 'small'" in ended.stderr
    )


def test_going_back_does_not_need_the_candidate(environment: dict[str, str], tmp_path: Path) -> None:
    step(environment, "start", "other")
    bundles.write(tmp_path / "models", "small")
    assert step({**environment, "SER_MODELS_DIR": str(tmp_path / "models")}, "back") == {"stable": "small"}


def test_without_a_path_the_command_says_so(environment: dict[str, str]) -> None:
    ended = run_here({**environment, "SER_ROLLOUT": ""}, "rollout")
    assert ended.returncode == 2
    assert "SER_ROLLOUT is not set" in ended.stderr
