from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from app.core.bundle import read_bundle
from app.core.manifest import HyperparameterSearch, SearchRange
from testing.recordings import ROOT
from training.data.corpora import Utterance
from training.learning.fairness import gap_between
from training.publish.artifacts import RESULTS, model_card
from training.redraw import read_figures

BUNDLE = ROOT / "models" / "multilingual"


@pytest.mark.parametrize("fits_weights", [True, False])
def test_the_card_says_whether_the_validation_part_gave_the_fusion_weights(*, fits_weights: bool) -> None:
    figures = replace(read_figures(BUNDLE / RESULTS), fits_weights=fits_weights)
    card = model_card(read_bundle(BUNDLE).manifest, [], figures, has_learning_curves=True)
    assert ("gave the fusion weights of several networks, and the validation UAR" in card) == fits_weights


def test_the_shipped_model_has_fixed_fusion_weights() -> None:
    assert not read_figures(BUNDLE / RESULTS).fits_weights


def test_the_metadata_has_the_scores_in_the_format_of_the_hugging_face_hub() -> None:
    figures, facts = read_figures(BUNDLE / RESULTS), read_bundle(BUNDLE).manifest
    spoken = [Utterance(Path("a.wav"), "emodb", "anger", "speaker", language="de")]
    card = model_card(facts, spoken, figures, has_learning_curves=False)
    _, front, body = card.split("---\n", 2)
    assert "&id" not in front  # no anchors, which readers of the Hub do not expect
    content = yaml.safe_load(front)
    assert content["language"] == ["de"]
    assert content["pipeline_tag"] == "audio-classification"
    (model,) = content["model-index"]
    assert model["name"] == "multilingual"
    by_condition = {result["dataset"]["config"]: result for result in model["results"]}
    assert set(by_condition) == set(figures.uar_by_condition)
    for name, result in by_condition.items():
        assert set(result) == {"task", "dataset", "metrics"}
        assert {"name", "type"} <= set(result["dataset"])
        (recall, *_) = result["metrics"]
        expected = 100 * figures.uar_by_condition[name].mean
        assert (recall["type"], recall["value"]) == ("recall", pytest.approx(expected, abs=0.005))
    assert body.lstrip().startswith("# multilingual")


def test_the_card_tells_the_gap_between_the_sexes() -> None:
    truth = np.array([0, 1] * 20)
    recognized = np.where(np.arange(40) < 20, truth, 0)
    gap = gap_between(["f"] * 20 + ["m"] * 20, truth, recognized, [str(n // 4) for n in range(40)], 1)
    assert gap is not None
    figures = replace(read_figures(BUNDLE / RESULTS), fairness={"sex": gap})
    card = model_card(read_bundle(BUNDLE).manifest, [], figures, has_learning_curves=False)
    assert "| f | 5 | 20 | 2 | 100.0% | 100.0% to 100.0% |" in card
    assert "The gap between f and m is 50.0% (95 % interval 50.0% to 50.0%)." in card


def test_the_card_has_the_hyperparameters_and_the_values_that_a_search_selected_on_each_fold() -> None:
    figures = read_figures(BUNDLE / RESULTS)
    folds = [replace(fold, chosen={"dense.units": 32 * place}) for place, fold in enumerate(figures.folds, 1)]
    facts = read_bundle(BUNDLE).manifest.model_copy(
        update={
            "hyperparameters": {"dense": {"units": 64, "augmentations": ("call-1", "line-1"), "mixup": 0.2}},
            "search": HyperparameterSearch(n_trials=7, space={"dense.units": SearchRange(low=32, high=256)}),
        }
    )
    card = model_card(facts, [], replace(figures, folds=folds), has_learning_curves=False)
    assert "a search of 7 trials" in card
    assert "| searched | space | fold 1 | fold 2 | fold 3 | fold 4 | fold 5 |" in card
    assert "| dense.units | 32 to 256 | 32 | 64 | 96 | 128 | 160 |" in card
    assert "| dense | units 64, augmentations call-1 line-1, mixup 0.2 |" in card
