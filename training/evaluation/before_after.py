"""The effect of a fine-tuning, by cross-validation over the speakers of the site."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.speaker import softmax
from training.learning.correction import SEED, Labels, SiteScores, choose_penalty, fit, folds_of
from training.learning.paired import Change, compare


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """The figures of the original bundle, and of fine-tunings that did not learn from the scored speaker.

    Attributes:
        changes: the change of each figure by view (`SiteScores.views`) and by name (`paired.compare`).
        penalties: the penalty that each fold chose, without its held-out part.
    """

    changes: Mapping[str, Mapping[str, Change]]
    penalties: tuple[float, ...]

    @property
    def better(self) -> bool:
        """True if UAR falls in no view, and the interval of its difference is above 0 in one view or more."""
        changes = [change["uar"] for change in self.changes.values()]
        return all(one.difference >= 0 for one in changes) and any(one.interval[0] > 0 for one in changes)


def cross_validate_fine_tuning(scores: SiteScores, targets: Labels) -> BeforeAfter:
    """Fine-tune on all speakers except those of a fold, and score these, for each fold.

    The penalty of a fold is chosen on the other folds alone.

    Args:
        scores: the scores of n utterances of at least three speakers.
        targets: their label indices, shape (n,).
    """
    after = {name: softmax(logits) for name, (logits, _) in scores.views().items()}
    before = {name: probabilities.copy() for name, probabilities in after.items()}
    penalties = []
    for rest, held in folds_of(scores.speakers, targets):
        known = scores.part(rest)
        penalties.append(choose_penalty(known, targets[rest]))
        correction = fit(known, targets[rest], penalties[-1])
        for name, view in scores.part(held).views().items():
            after[name][held] = softmax(correction.logits(*view))
    speakers = scores.speakers.tolist()
    return BeforeAfter(
        {name: compare(before[name], after[name], targets, speakers, SEED) for name in after},
        tuple(penalties),
    )
