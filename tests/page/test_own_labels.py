"""A bundle with other labels than the five emotions: each label has its name and a color of its own."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from app.reports.text import tone
from testing import bundles
from testing.recordings import EXAMPLE
from testing.service import running

LABELS = ("satisfied", "frustration", "anger", "confusion", "fear", "excited", "boredom", "other", "neutral")
TONE_OF = "async ([labels]) => { const {toneOf} = await import('/page/emotions.js');"
TONE_OF += " return labels.map((label) => toneOf(label, labels)); }"


def test_every_label_of_a_bundle_has_a_name_and_a_color(context: BrowserContext, tmp_path: Path) -> None:
    bundles.write(tmp_path, "site", labels=LABELS)
    page = context.new_page()
    settings = {"SER_MODELS_DIR": str(tmp_path), "SER_DEFAULT_MODEL": "site", "SER_WORKERS": "1"}
    with running(**settings) as service:
        page.goto(service.url)
        page.set_input_files("#file", EXAMPLE)
        bars = page.get_by_role("list", name="Probability of each emotion").get_by_role("listitem")
        expect(bars).to_have_count(len(LABELS))
        assert [bar.locator(".bar-name").inner_text().lower() for bar in bars.all()] == list(LABELS)
        color = "(fill) => getComputedStyle(fill).backgroundColor"
        colors = [bar.locator(".bar-fill").evaluate(color) for bar in bars.all()]
        assert len(set(colors)) == len(LABELS)
        # The pages of reports use the same colors.
        assert page.evaluate(TONE_OF, [list(LABELS)]) == [tone(label, LABELS) for label in LABELS]


@pytest.mark.parametrize("n_labels", [2, 11])
def test_up_to_eleven_labels_have_different_tones(n_labels: int) -> None:
    labels = [f"label {number}" for number in range(n_labels)]
    assert len({tone(label, labels) for label in labels}) == n_labels
