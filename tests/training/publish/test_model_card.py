from dataclasses import replace

import pytest

from app.core.bundle import read_bundle
from testing.recordings import ROOT
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
