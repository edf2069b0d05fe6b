"""The metadata of a model card in the format of the Hugging Face Hub, as YAML.

The fields are those of https://huggingface.co/docs/hub/model-cards, among them `model-index`, the results in
the format of Papers with Code.
"""

from typing import Any

import yaml

from app.core.manifest import Facts
from training.evaluation.figures import Figures

TASK = {"type": "audio-classification", "name": "Speech emotion recognition"}
TAGS = ["speech-emotion-recognition", "audio-classification", "onnx", "speech"]
LICENSE = {"license": "other", "license_name": "terms-of-the-corpora", "license_link": "#training-data"}


def metadata(facts: Facts, figures: Figures, languages: list[str], conditions: dict[str, str]) -> str:
    """Return the metadata of a card, without the lines around it.

    Args:
        facts: the facts of the bundle.
        figures: the figures of its run.
        languages: the ISO 639 codes of the training speech.
        conditions: the description of each condition of the test parts, by name.
    """
    content = {
        "language": languages,
        **LICENSE,
        "library_name": "onnx",
        "pipeline_tag": TASK["type"],
        "tags": TAGS,
        "metrics": ["recall", "accuracy"],
        "model-index": [
            {
                "name": facts.name,
                "results": [
                    _result(facts, name, conditions[name], figures) for name in figures.uar_by_condition
                ],
            }
        ],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _result(facts: Facts, condition: str, description: str, figures: Figures) -> dict[str, Any]:
    """Return the result of a condition of the test parts, in percent."""
    corpora = ", ".join(corpus.name for corpus in facts.protocol.corpora)
    metrics = [_metric("recall", "UAR", figures.uar_by_condition[condition].mean)]
    if condition == "clean":
        metrics.append(_metric("accuracy", "Accuracy", figures.accuracy.mean))
    return {
        "task": {**TASK},  # a shared object would become an anchor in YAML
        "dataset": {
            "name": f"{corpora}; {facts.protocol.name}, {len(figures.folds)} folds; {description}",
            "type": "+".join(corpus.name for corpus in facts.protocol.corpora),
            "config": condition,
            "split": "test",
        },
        "metrics": metrics,
    }


def _metric(kind: str, name: str, value: float) -> dict[str, Any]:
    """Return a metric in percent."""
    return {"type": kind, "name": name, "value": round(100 * value, 2)}
