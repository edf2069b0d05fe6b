"""The statements of `docs/rules.md` are correct."""

import re

from app.answers import AlertAnswer
from app.rules.schema import ConditionWords, RuleWords, WindowWords
from testing.recordings import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_page_contains_the_shipped_rules() -> None:
    assert (ROOT / "examples" / "rules.yaml").read_text(encoding="utf-8") in PAGE


def test_the_page_explains_every_word() -> None:
    for model in (RuleWords, ConditionWords, WindowWords):
        for name, field in model.model_fields.items():
            word = field.alias or name
            assert re.search(rf"`{word}`|`{{[^`]*\b{word}: ", PAGE), word


def test_the_page_shows_an_alert() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert set(AlertAnswer.model_validate_json(example).model_fields_set) == set(AlertAnswer.model_fields)
