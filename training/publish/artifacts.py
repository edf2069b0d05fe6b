"""The artifacts of a bundle: results, model card and pictures, all from the figures of the run."""

from collections.abc import Sequence

import numpy as np

from app.core.manifest import Facts, SearchRange
from training.data.conditions import TEST_CONDITIONS
from training.data.corpora import FACTS, Utterance
from training.evaluation.figures import Figures
from training.evaluation.fold import FoldResult
from training.evaluation.results import join
from training.evaluation.simulated_calls import N_UTTERANCES
from training.learning.abstention import CURVE, coverage_of
from training.learning.calibration import reliability
from training.publish import plots
from training.publish.metadata import metadata
from training.publish.templates import render

CARD = "MODEL_CARD.md"
RESULTS = "results.json"
CONDITIONS = {"clean": "as recorded", **TEST_CONDITIONS}
TEMPLATE = "model_card.md.jinja"


def artifacts(
    facts: Facts, utterances: Sequence[Utterance], figures: Figures, results: Sequence[FoldResult]
) -> dict[str, bytes]:
    """Write the model card and draw the pictures.

    Args:
        facts: the facts of the bundle.
        utterances: the utterances that trained and tested the model.
        figures: the figures of the run.
        results: the results of the folds.

    Returns:
        The content of each file by its name.
    """
    tested = join(results)
    counts = np.array(figures.confusion_matrix)
    histories = [history for result in results for history in result.histories]
    return {
        RESULTS: figures.to_json(),
        CARD: model_card(facts, utterances, figures, has_learning_curves=bool(histories)).encode(),
        "confusion_matrix.png": plots.confusion_matrix(counts, facts.labels),
        "reliability.png": plots.reliability_diagram(
            reliability(tested.raw, tested.truth), reliability(tested.calibrated, tested.truth)
        ),
        "coverage.png": plots.coverage_curve(
            coverage_of(tested.calibrated, tested.truth, CURVE), figures.coverage
        ),
        **(
            {"learning_curves.png": plots.learning_curves(histories, stops_early=not figures.refits)}
            if histories
            else {}
        ),
    }


def model_card(
    facts: Facts, utterances: Sequence[Utterance], figures: Figures, *, has_learning_curves: bool
) -> str:
    """Write the model card.

    Args:
        facts: the facts of the bundle.
        utterances: the utterances that trained and tested the model.
        figures: the figures of the run.
        has_learning_curves: True if networks were trained in epochs.

    Returns:
        The card in Markdown.
    """
    return render(
        TEMPLATE,
        facts=facts,
        figures=figures,
        protocol=facts.protocol,
        refits=figures.refits,
        conditions=CONDITIONS,
        metadata=metadata(
            facts, figures, sorted({one.language for one in utterances if one.language}), CONDITIONS
        ),
        has_learning_curves=has_learning_curves,
        n_utterances_of_a_call=N_UTTERANCES,
        mapping=facts.label_mapping,
        space={name: _space(part) for name, part in (facts.search.space if facts.search else {}).items()},
        totals=dict(zip(facts.labels, np.sum(figures.confusion_matrix, axis=1).tolist(), strict=True)),
        corpora=[
            {
                **corpus.model_dump(),
                "languages": _languages(corpus.name, utterances),
                "terms": _terms(corpus.name),
            }
            for corpus in facts.protocol.corpora
        ],
    )


def _space(part: SearchRange | tuple[float, ...]) -> str:
    """Describe a part of the space of a search."""
    if isinstance(part, SearchRange):
        return f"{part.low:g} to {part.high:g}{', logarithmic' if part.log else ''}"
    return ", ".join(f"{value:g}" for value in part)


def _languages(corpus: str, utterances: Sequence[Utterance]) -> str:
    """Return the ISO 639 codes of the languages of a corpus."""
    known = {utterance.language or "?" for utterance in utterances if utterance.corpus == corpus}
    return ", ".join(sorted(known))


def _terms(corpus: str) -> str:
    """Return the title of a corpus and its terms of use."""
    facts = FACTS.get(corpus)
    return "unknown; ask the owner of the corpus" if facts is None else f"{facts.title}: {facts.terms}"
