"""`python -m training finetune`: fine-tune a bundle to some labeled utterances of a site.

The command learns a correction of the bundle's answers (`training.learning.correction`), measures it on
speakers that did not teach it, and adds it to the ONNX graph. It needs the bundle alone. Encoder, heads and
scaler do not change.

The command writes a bundle only if it is better (`BeforeAfter.better`), or with `even_if_not_better`. It
writes nothing if the original is the best choice of all penalties: the new bundle would give the same
answers.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from app.core.bundle import MODEL, SCALER, read_bundle, write_bundle
from app.core.manifest import Facts, FineTuning, Manifest
from training.data.corpora import Utterance
from training.data.site import check_amount, select, table
from training.errors import TrainingError
from training.evaluation.before_after import BeforeAfter, cross_validate_fine_tuning
from training.evaluation.bundle_scores import score
from training.learning.correction import ONE_BY_ONE, choose_penalty, fit, folds_of
from training.publish.artifacts import CARD
from training.publish.corrected import with_correction
from training.publish.templates import render

RESULTS = "finetuning.json"
TEMPLATE = "finetuning.md.jinja"


@dataclass(frozen=True, slots=True)
class FineTuningOptions:
    """The settings of a fine-tuning.

    Attributes:
        original: the folder of the original bundle.
        bundle: the folder of the new bundle, whose name is the name of the bundle.
        cache: the folder of cached features and scores.
        overwrite: replace an existing bundle.
        skip_undecodable: skip recordings that cannot be analyzed.
        even_if_not_better: write the bundle even if it is not better than the original.
    """

    original: Path
    bundle: Path
    cache: Path
    overwrite: bool = False
    skip_undecodable: bool = False
    even_if_not_better: bool = False


def describe(utterances: Sequence[Utterance], original: Path) -> str:
    """Return what a fine-tuning would use, as Markdown. Recognize nothing.

    Args:
        utterances: the utterances with their site's own labels.
        original: the folder of the original bundle.

    Raises:
        TrainingError: the speech or the bundle does not permit the fine-tuning.
        BundleError: the bundle is damaged.
    """
    manifest = _manifest(original)
    used = _checked(utterances, manifest)
    targets = np.array([manifest.labels.index(one.emotion) for one in used])
    speakers = np.array([one.speaker for one in used])
    lines = [
        f"fold {number}: {len(held)} utterances of {', '.join(sorted(set(speakers[held].tolist())))}"
        for number, (_, held) in enumerate(folds_of(speakers, targets), start=1)
    ]
    left_out = f"{len(utterances) - len(used)} other utterances are left out: the bundle lacks their labels."
    parts = [table(used, manifest.labels), left_out, "Held-out parts of the report:", "\n".join(lines)]
    return "\n\n".join(part for part in parts if part is not left_out or len(used) < len(utterances))


def finetune(utterances: Sequence[Utterance], options: FineTuningOptions) -> None:
    """Fine-tune a bundle, print the report and write the new bundle.

    Args:
        utterances: the utterances with their site's own labels.
        options: the settings.

    Raises:
        TrainingError: the speech or the bundle does not permit the fine-tuning, or the new bundle is not
            better.
        BundleError: the bundle is damaged, or the new bundle already exists.
        OSError: the new bundle cannot be written.
    """
    manifest = _manifest(options.original)
    used, scores = score(
        _checked(utterances, manifest),
        options.original,
        options.cache,
        skip_undecodable=options.skip_undecodable,
    )
    check_amount(used)  # again, because recordings may have been skipped
    targets = np.array([manifest.labels.index(one.emotion) for one in used])
    result = cross_validate_fine_tuning(scores, targets)
    penalty = choose_penalty(scores, targets)
    if np.isinf(penalty):
        raise TrainingError(
            f"no correction improves the answers of {options.original.name} for speakers of this site that "
            "did not teach it, so the fine-tuned bundle would be the original. Nothing was written. Serve "
            "the original, or label more speech"
        )
    tuning = _tuning(manifest, used, penalty, result)
    report = _report(manifest, tuning, used, result)
    print(report, flush=True)
    if not (result.better or options.even_if_not_better):
        raise TrainingError(
            f"the fine-tuned bundle is not better than {options.original.name}. Nothing was written. Serve "
            "the original, label more speech, or write the bundle with --even-if-not-better"
        )
    facts = Facts(
        **manifest.model_dump(exclude={"files", "name", "fine_tuned"}),
        name=options.bundle.name,
        fine_tuned=tuning,
    )
    write_bundle(
        options.bundle,
        facts,
        read_bundle(options.original).scaler,
        with_correction((options.original / MODEL).read_bytes(), fit(scores, targets, penalty), facts),
        _artifacts(options.original, manifest, report, tuning, result),
        overwrite=options.overwrite,
    )
    print(f"wrote {options.bundle}", flush=True)


def _manifest(original: Path) -> Manifest:
    """Return the manifest of a bundle that can be fine-tuned."""
    manifest = read_bundle(original).manifest
    if manifest.fine_tuned:
        raise TrainingError(
            f"{original}: was fine-tuned before. Fine-tune {manifest.fine_tuned.original} to all utterances "
            "together"
        )
    return manifest


def _checked(utterances: Sequence[Utterance], manifest: Manifest) -> list[Utterance]:
    """Return the utterances that a fine-tuning uses. Raise if they are too few."""
    used = select(utterances, manifest)
    check_amount(used)
    return used


def _tuning(manifest: Manifest, used: Sequence[Utterance], penalty: float, result: BeforeAfter) -> FineTuning:
    """Return the facts of the fine-tuning."""
    uar = result.changes[ONE_BY_ONE]["uar"]
    return FineTuning(
        original=manifest.name,
        model_version=manifest.version,
        n_utterances=len(used),
        n_speakers=len({one.speaker for one in used}),
        penalty=penalty,
        uar_before=uar.before,
        uar_after=uar.after,
        uar_difference_interval=uar.interval,
    )


def _report(manifest: Manifest, tuning: FineTuning, used: Sequence[Utterance], result: BeforeAfter) -> str:
    """Return the report in Markdown."""
    counts = Counter("no correction" if np.isinf(penalty) else f"{penalty:g}" for penalty in result.penalties)
    return render(
        TEMPLATE,
        tuning=tuning,
        result=result,
        verdict=_verdict(result),
        penalties=", ".join(f"{penalty} ({count}×)" for penalty, count in counts.items()),
        table=table(used, manifest.labels),
        absent=sorted(set(manifest.labels) - {one.emotion for one in used}),
    )


def _verdict(result: BeforeAfter) -> str:
    """Say in a sentence whether the bundle is better."""
    if result.better:
        return (
            "The fine-tuned bundle is better than the original on speakers of the site that did not teach it."
        )
    return (
        "**The fine-tuned bundle is not shown to be better than the original**: its UAR falls, or the "
        "interval of the difference contains 0."
    )


def _artifacts(
    original: Path, manifest: Manifest, report: str, tuning: FineTuning, result: BeforeAfter
) -> dict[str, bytes]:
    """Return the original artifacts, the report at the top of the card, and the figures as JSON."""
    artifacts = {
        name: (original / name).read_bytes() for name in manifest.files if name not in {SCALER, MODEL}
    }
    figures = {**tuning.model_dump(), "better": result.better, **asdict(result)}
    figures["penalties"] = [None if np.isinf(one) else one for one in result.penalties]
    artifacts[CARD] = report.encode() + b"\n" + artifacts.get(CARD, b"")
    artifacts[RESULTS] = (json.dumps(figures, indent=2) + "\n").encode()
    return artifacts
