"""The settings of an explanation, its sample of utterances, and its plan for `--dry-run`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.core.bundle import read_bundle
from app.core.manifest import Manifest
from training.data.corpora import Utterance
from training.data.labels import label_for
from training.errors import TrainingError
from training.evaluation.embedding import FEWEST


@dataclass(frozen=True, slots=True)
class Explanation:
    """The settings of an explanation.

    Attributes:
        bundle: the folder of the bundle.
        output: the folder of the results.
        recording: the recording whose moments are explained, or None.
        n_utterances: the most utterances that are analyzed; more are sampled.
        seed: the seed of sample, map, permutations and bootstrap.
        n_repeats: the number of permutations of each group.
        window: the duration of a hidden part of the recording, in seconds.
        hop: the distance from one hidden part to the next, in seconds.
    """

    bundle: Path
    output: Path
    recording: Path | None = None
    n_utterances: int = 2000
    seed: int = 1
    n_repeats: int = 10
    window: float = 0.3
    hop: float = 0.1


def choose(
    utterances: Sequence[Utterance], manifest: Manifest, explanation: Explanation
) -> tuple[list[Utterance], int]:
    """Sample the utterances with a label of the bundle.

    Returns:
        The sample, and the number of all utterances with such a label.

    Raises:
        TrainingError: fewer than 11 utterances have a label of the bundle.
    """
    kept = label_for(utterances, manifest)
    if len(kept) < FEWEST:
        raise TrainingError(
            f"{len(kept)} recordings have a label of the bundle; an explanation needs at least {FEWEST}: "
            "give another corpus, or only --recording"
        )
    n = min(explanation.n_utterances, len(kept))
    places = np.random.default_rng(explanation.seed).choice(len(kept), n, replace=False)
    return [kept[place] for place in sorted(places)], len(kept)


def plan(utterances: Sequence[Utterance], explanation: Explanation) -> str:
    """Return what `explain` would do.

    Args:
        utterances: the utterances with their corpora's own labels.
        explanation: the settings.

    Raises:
        TrainingError: fewer than 11 utterances have a label of the bundle.
        BundleError: the bundle is damaged.
    """
    manifest = read_bundle(explanation.bundle).manifest
    lines = [f"Explain {manifest.name}, seed {explanation.seed}. Results: {explanation.output}."]
    if explanation.recording:
        lines.append(f"Occlusion of {explanation.recording}.")
    if utterances:
        chosen, n_labeled = choose(utterances, manifest, explanation)
        counts = ", ".join(f"{name} {n}" for name, n in sorted(Counter(one.corpus for one in chosen).items()))
        lines.append(
            f"Map, importance and confusions of {len(chosen)} of {n_labeled} utterances ({counts}); "
            f"{explanation.n_repeats} permutations of each group."
        )
    return "\n".join(lines)
