"""The papers of a bundle: results, model card and pictures, from the figures of the run alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.core.manifest import Facts
from training import plots
from training.calibration import reliability
from training.corpora import Utterance
from training.corpora.terms import TERMS
from training.dataset import Dataset
from training.fit import FoldResult
from training.folds import PROTOCOLS
from training.results import join, to_json
from training.simulated_calls import N_UTTERANCES

CARD = "MODEL_CARD.md"
RESULTS = "results.json"
TEMPLATE = "model_card.md.jinja"


def papers(
    facts: Facts, dataset: Dataset, figures: dict[str, Any], results: Sequence[FoldResult]
) -> dict[str, bytes]:
    """Write the model card and draw the pictures.

    Args:
        facts: of the bundle.
        dataset: that it was trained and tested on.
        figures: of the run.
        results: of the folds.

    Returns:
        The content of each file, by its name.
    """
    tested = join(results)
    counts = np.array(figures["confusion_matrix"])
    histories = [history for result in results for history in result.histories]
    return {
        RESULTS: to_json(figures),
        CARD: model_card(facts, dataset.utterances, figures, has_learning_curves=bool(histories)).encode(),
        "confusion_matrix.png": plots.confusion_matrix(counts, facts.labels),
        "reliability.png": plots.reliability_diagram(
            reliability(tested.raw, tested.truth), reliability(tested.calibrated, tested.truth)
        ),
        **(
            {"learning_curves.png": plots.learning_curves(histories, stops_early=not figures["refits"])}
            if histories
            else {}
        ),
    }


def model_card(
    facts: Facts, utterances: Sequence[Utterance], figures: dict[str, Any], *, has_learning_curves: bool
) -> str:
    """Write the model card.

    Args:
        facts: of the bundle.
        utterances: all that were trained and tested on.
        figures: of the run.
        has_learning_curves: whether networks were trained in epochs.

    Returns:
        Markdown.
    """
    environment = Environment(
        loader=PackageLoader("training", "."),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # nosec B701  # Markdown, from our own numbers
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["spread"] = _spread
    return environment.get_template(TEMPLATE).render(
        facts=facts,
        figures=figures,
        protocol=facts.protocol,
        refits=figures["refits"],
        has_learning_curves=has_learning_curves,
        n_utterances_of_a_call=N_UTTERANCES,
        own_labels=PROTOCOLS[facts.protocol.name].own_labels,
        totals=dict(zip(facts.labels, np.sum(figures["confusion_matrix"], axis=1).tolist(), strict=True)),
        corpora=[
            {
                **corpus.model_dump(),
                "languages": _languages(corpus.name, utterances),
                "terms": TERMS.get(corpus.name, "ask its owner"),
            }
            for corpus in facts.protocol.corpora
        ],
    )


def _spread(values: dict[str, float | None]) -> str:
    """Mean and standard deviation for people."""
    sd = values["sd"]
    return f"{values['mean']:.1%}" if sd is None else f"{values['mean']:.1%} ± {sd:.1%}"


def _languages(corpus: str, utterances: Sequence[Utterance]) -> str:
    """The languages of a corpus, by their codes."""
    known = {utterance.language or "?" for utterance in utterances if utterance.corpus == corpus}
    return ", ".join(sorted(known))
