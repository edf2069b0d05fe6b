"""The papers of a bundle: model card and pictures, from the numbers of the run alone."""

from collections.abc import Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from app.core.manifest import Facts
from training import plots
from training.calibration import reliability
from training.corpora import Utterance
from training.corpora.terms import TERMS
from training.fit import FoldResult
from training.folds import SPEAKER_INDEPENDENT, Fold

CARD = "MODEL_CARD.md"
TEMPLATE = "model_card.md.jinja"


def papers(
    facts: Facts,
    utterances: Sequence[Utterance],
    folds: Sequence[Fold],
    targets: NDArray[np.int64],
    results: Sequence[FoldResult],
) -> dict[str, bytes]:
    """Write the model card and draw the pictures.

    Args:
        facts: of the bundle.
        utterances: all that were trained and tested on.
        folds: how they were split.
        targets: their label indices.
        results: of the folds, in the same order.

    Returns:
        The content of each file, by its name.
    """
    tested = np.concatenate([fold.test for fold in folds])
    truth = targets[tested]
    raw = np.concatenate([result.test_probabilities for result in results])
    calibrated = np.concatenate([result.calibrated for result in results])
    counts = confusion_matrix(truth, raw.argmax(axis=1), labels=range(len(facts.labels)))
    return {
        CARD: model_card(facts, utterances, counts).encode(),
        "confusion_matrix.png": plots.confusion_matrix(counts, facts.labels),
        "reliability.png": plots.reliability_diagram(reliability(raw, truth), reliability(calibrated, truth)),
        "learning_curves.png": plots.learning_curves([result.history for result in results]),
    }


def model_card(facts: Facts, utterances: Sequence[Utterance], counts: NDArray[np.int64]) -> str:
    """Write the model card.

    Args:
        facts: of the bundle.
        utterances: all that were trained and tested on.
        counts: confusion matrix over all test folds, shape (n_labels, n_labels).

    Returns:
        Markdown.
    """
    environment = Environment(
        loader=PackageLoader("training", "."),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Markdown, from our own numbers
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    totals = counts.sum(axis=1)
    return environment.get_template(TEMPLATE).render(
        facts=facts,
        protocol=facts.protocol,
        scores=facts.scores,
        speaker_independent=facts.protocol.name in SPEAKER_INDEPENDENT,
        recalls=zip(facts.labels, totals, counts.diagonal() / totals, strict=True),
        corpora=[
            {
                **corpus.model_dump(),
                "languages": _languages(corpus.name, utterances),
                "terms": TERMS.get(corpus.name, "ask its owner"),
            }
            for corpus in facts.protocol.corpora
        ],
    )


def _languages(corpus: str, utterances: Sequence[Utterance]) -> str:
    """The languages of a corpus, by their codes."""
    known = {utterance.language or "?" for utterance in utterances if utterance.corpus == corpus}
    return ", ".join(sorted(known))
