"""Hyperparameters from files, and searches for them."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.core.scaler import Scaler
from training.__main__ import main
from training.data.conditions import AUGMENTATIONS
from training.data.dataset import Inputs, Sequences
from training.data.folds import Fold
from training.errors import TrainingError
from training.learning.ensemble import Ensemble
from training.learning.model_file import to_toml
from training.learning.ridge_regression import Ridge
from training.learning.search import TRIALS
from training.learning.trained_network import Shapes
from training.models import MODELS, base_of, load_model

N, N_LABELS = 60, 3
TARGETS = np.arange(N) % N_LABELS
TEST, REST = np.arange(15), np.arange(15, N)
FOLD = Fold(1, "1", REST[REST % 5 != 0], REST[REST % 5 == 0], TEST, speaker_independent=True)
SEARCH = """
model = "ridge"
trials = 3

[ridge]
relative = false
penalty = { low = 1e-6, high = 1e3, log = true }
clean_weight = [1.0, 10.0]
"""

pytestmark = pytest.mark.usefixtures("unoptimized_graphs")


def written(folder: Path, content: str) -> str:
    """Write a model file, and return its path."""
    path = folder / "own.toml"
    path.write_text(content)
    return str(path)


def make_inputs(*, without_test: bool = False) -> Inputs:
    """Return noisy functionals that show the label; those of the test part may be missing."""
    random = np.random.default_rng(1)
    functionals = random.normal(0, 2, (N, 12)).astype(np.float32)
    functionals[:, :N_LABELS] += 2 * np.eye(N_LABELS)[TARGETS]
    if without_test:
        functionals[TEST] = np.nan
    names = ("clean", *AUGMENTATIONS)
    sequences = Sequences(lambda _: np.zeros((1, 1), np.float32), N, Scaler(np.zeros(1), np.ones(1)))
    speakers = np.array([f"speaker {n % 7}" for n in range(N)])
    return Inputs(
        dict.fromkeys(names, functionals), dict.fromkeys(names, sequences), TARGETS, N_LABELS, speakers
    )


@pytest.mark.parametrize("name", [name for name in MODELS if load_model(name).exportable])
def test_the_printed_hyperparameters_are_a_file_of_the_same_model(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hyperparameters", name]) == 0
    path = written(tmp_path, capsys.readouterr().out)
    assert base_of(path) == name
    assert load_model(path).hyperparameters == load_model(name).hyperparameters
    assert load_model(path).hyperparameters


def test_a_file_changes_the_networks_that_its_tables_name(tmp_path: Path) -> None:
    content = """
        model = "encoder"
        [weights]
        ridge = 0.4
        dense-1 = 0.2
        dense-2 = 0.2
        dense-3 = 0.2
        ["dense-*"]
        units = 7
        augmentations = ["call-1"]
        [dense-2]
        units = 9
    """
    model = load_model(written(tmp_path, content))
    assert isinstance(model, Ensemble)
    hidden = [model.networks[name].build(Shapes(20, 1), 2).layers[-2].output.shape for name in model.networks]
    assert hidden == [(None, 20), (None, 7), (None, 9), (None, 7)]
    assert model.weights == {"ridge": 0.4, "dense-1": 0.2, "dense-2": 0.2, "dense-3": 0.2}
    assert model.networks["dense-3"].augmentations == ("call-1",)
    assert model.networks["ridge"] == load_model("encoder").networks["ridge"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('model = "dens"', r"no model 'dens'; did you mean 'dense'\?"),
        ("[dense]", "the first line must name the model"),
        ('model = "svm-linear"', "tunes its own settings"),
        ('model = "dense"\nunits = 3', r"units is outside of a table; write it below the \[name\]"),
        ('model = "dense"\n[denes]\nunits = 3', r"no network 'denes'; did you mean 'dense'\?"),
        ('model = "dense"\n[dense]\nunit = 3', r"no hyperparameter 'unit'; did you mean 'units'\?"),
        ('model = "dense"\n[dense]\nunits = 2.5', "dense.units is an integer of at least 1, not 2.5"),
        ('model = "dense"\n[dense]\nunits = true', "dense.units is an integer of at least 1, not True"),
        ('model = "dense"\n[dense]\nmixup = -1', "dense.mixup is a number of at least 0, not -1"),
        ('model = "dense"\n[dense]\nmixup = nan', "dense.mixup is a number of at least 0, not nan"),
        ('model = "dense"\n[dense]\nrefits = 1', "dense.refits is true or false, not 1"),
        ('model = "dense"\n[dense]\ndropout = 2', "dense cannot be built"),
        ('model = "dense"\n[dense]\naugmentations = ["cal-1"]', r"'cal-1'; did you mean 'call-1'\?"),
        ('model = "fusion"\n[weights]\ncovariance = 1', "weights gives each of covariance, sequence-cnn"),
        ('model = "fusion"\n[weights]\ncovariance = 1\nsequence-cnn = 1', "the weights sum to 2, not to 1"),
        ('model = "dense"\ntrials = 3', "trials = 3 needs values to search"),
        ('model = "dense"\n[dense]\nunits = [1, 2]', "dense.units: a search needs the number of trials"),
        ('model = "dense"\ntrials = 0\n[dense]\nunits = [1, 2]', "trials is an integer of at least 1, not 0"),
        ('model = "dense"\ntrials = 3\n[dense]\nunit = [1, 2]', "no hyperparameter 'unit'"),
        ('model = "dense"\ntrials = 3\n[dense]\nunits = [1, 2.5]', "not 2.5"),
        ('model = "dense"\ntrials = 3\n[dense]\nunits = { low = 4, high = 2 }', "low is not below high"),
        ('model = "dense"\ntrials = 3\n[dense]\nmixup = { low = 0, high = 2, log = true }', "low is above 0"),
        ('model = "dense"\ntrials = 3\n[dense]\nmixup = { lo = 0 }', "dense.mixup"),
        ('model = "dense"\ntrials = 3\n[dense]\naugmentations = { low = 0, high = 1 }', "no condition"),
        (
            'model = "encoder"\ntrials = 3\n[dense-1]\nunits = 9\n["dense-*"]\nunits = [4, 8]',
            "dense-1.units has two values, and one of them is searched",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=message) as error:
        load_model(written(tmp_path, content))
    assert "own.toml" in str(error.value)


def test_a_file_is_read_once_so_that_a_run_does_not_change(tmp_path: Path) -> None:
    path = written(tmp_path, 'model = "dense"\n[dense]\nunits = 3')
    load_model(path)
    Path(path).unlink()
    assert load_model(path).hyperparameters["dense"]["units"] == 3
    assert base_of(path) == "dense"  # a run of hours ends with this


def test_a_search_keeps_the_best_trial_and_never_sees_the_test_part(tmp_path: Path) -> None:
    model = load_model(written(tmp_path, SEARCH))
    trained = model.fit(make_inputs(without_test=True), FOLD, 1, tmp_path)
    trials = json.loads((tmp_path / TRIALS).read_bytes())
    assert len(trials) == 3
    # The first trial has the defaults.
    defaults = load_model("ridge").hyperparameters["ridge"]
    assert trials[0]["values"] == {f"ridge.{name}": defaults[name] for name in ("penalty", "clean_weight")}
    scores = [one["validation_uar"] for one in trials]
    best = scores.index(max(scores))
    assert len(set(scores)) > 1
    assert trained.chosen == trials[best]["values"]
    assert trained.hyperparameters["ridge"]["penalty"] == trials[best]["values"]["ridge.penalty"]
    # Only the networks of the best trial are kept, and the bundle is made from them.
    assert {path.parent.name for path in tmp_path.rglob("*.keras")} == {f"trial-{best + 1}"}
    assert all((tmp_path / file).is_file() for file in trained.members)


def test_a_space_has_the_type_of_its_hyperparameter(tmp_path: Path) -> None:
    content = """
        model = "ridge"
        trials = 4
        [ridge]
        clean_weight = { low = 2, high = 4 }
        relative = [true, false]
    """
    model = load_model(written(tmp_path, content))
    model.fit(make_inputs(), FOLD, 1, tmp_path)
    values = [one["values"] for one in json.loads((tmp_path / TRIALS).read_bytes())]
    assert {one["ridge.relative"] for one in values} == {True, False}
    assert not any(one["ridge.clean_weight"].is_integer() for one in values)


def test_an_interrupted_search_goes_on_as_if_it_was_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, inputs = load_model(written(tmp_path, SEARCH)), make_inputs()
    whole = model.fit(inputs, FOLD, 1, tmp_path / "whole")
    n_trainings, fit = 0, Ridge.fit

    def interrupted(*arguments: object) -> object:
        nonlocal n_trainings
        n_trainings += 1
        if n_trainings == 2:
            raise KeyboardInterrupt
        return fit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Ridge, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(inputs, FOLD, 1, tmp_path / "cut")
    cut = model.fit(inputs, FOLD, 1, tmp_path / "cut")
    # One trial, the interrupted one, two after it, and the best one, whose network exists.
    assert n_trainings == 1 + 1 + 2 + 1
    assert cut.chosen == whole.chosen
    np.testing.assert_array_equal(cut.predict(inputs, TEST, "clean"), whole.predict(inputs, TEST, "clean"))


def test_a_search_that_exports_all_folds_is_refused_before_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, SEARCH)
    arguments = [
        "--corpus",
        f"csv={tmp_path / 'none.csv'}",
        "--features",
        "eGeMAPSv02",
        "--export",
        "all-folds",
    ]
    status = main(
        ["train", "--name", "own", "--models", str(tmp_path / "models"), "--model", path, *arguments]
    )
    assert status == 1
    assert "searches on each fold" in capsys.readouterr().err


def test_an_unknown_model_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["hyperparameters", "dens"])
    assert "did you mean 'dense'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["hyperparameters", "none.toml"])
    assert "none.toml: there is no such file" in capsys.readouterr().err


def test_values_are_written_as_toml() -> None:
    assert to_toml("fusion", {"a": {"augmentations": ("call-1",), "penalty": 1e-05}}) == (
        'model = "fusion"\n\n[a]\naugmentations = ["call-1"]\npenalty = 1e-05'
    )
