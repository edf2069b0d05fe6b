"""`python -m training explain`: show what the answers of a bundle rest on.

Four pictures answer four questions: which moments of a recording decide its answer, which utterances the
network describes alike, which values it needs, and which labels it confuses for whom. `app.core` decodes the
recordings as in the service, and ONNX Runtime runs the network of the bundle. The command trains nothing.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from app.core.audio import decode, resample, select_channel
from app.core.bundle import read_bundle
from app.core.errors import AudioError
from app.core.features import FeatureConfig, FeatureExtractor
from app.core.files import write_whole
from app.core.log_mel import SAMPLING_RATE
from app.core.manifest import Manifest
from training.data.corpora import Utterance
from training.errors import TrainingError, undecodable
from training.evaluation.embedding import FEWEST, embed, neighbor_agreement
from training.evaluation.importance import (
    Importance,
    groups_of_functionals,
    groups_of_statistics,
    importances,
)
from training.evaluation.inner import InnerNetwork, InnerValues, look_at, pooled_network, stack
from training.evaluation.occlusion import occlude
from training.explanation import Explanation, choose
from training.learning.scores import bootstrap_interval, uar
from training.processes import run
from training.publish import explanation_plots as plots
from training.publish.templates import render

RESULTS, REPORT, TEMPLATE = "explanation.json", "explanation.md", "explanation.md.jinja"
OCCLUSION, MAP, IMPORTANCE = "occlusion.png", "embedding_map.png", "importance.png"
KINDS = ("corpus", "sex", "language")
MOST_GROUPS = 12
"""The most groups in one picture of confusions; further groups are too small to read. Not tuned."""


def explain(
    utterances: Sequence[Utterance], explanation: Explanation, *, skip_undecodable: bool = False
) -> dict[str, Any]:
    """Explain a bundle, and write JSON, Markdown and pictures.

    Args:
        utterances: the utterances with their corpora's own labels; none explains only the recording.
            Utterances with a label that the bundle does not have are counted and left out.
        explanation: the settings.
        skip_undecodable: skip recordings that cannot be analyzed.

    Returns:
        The content of `explanation.json`.

    Raises:
        TrainingError: fewer than 11 utterances have a label of the bundle, or a recording cannot be analyzed.
        BundleError: the bundle is damaged.
    """
    manifest = read_bundle(explanation.bundle).manifest
    chosen, n_labeled = choose(utterances, manifest, explanation) if utterances else ([], 0)
    pictures: dict[str, bytes] = {}
    results: dict[str, Any] = {
        "bundle": manifest.name,
        "model_sha256": manifest.files["model.onnx"],
        "labels": list(manifest.labels),
        "seed": explanation.seed,
        "occlusion": None,
        "n_utterances": 0,
    }
    if explanation.recording:
        results["occlusion"], pictures[OCCLUSION] = _explain_recording(explanation.recording, explanation)
    if chosen:
        results |= _explain_corpus(chosen, manifest, explanation, pictures, skip_undecodable=skip_undecodable)
        results |= {"n_listed": len(utterances), "n_labeled": n_labeled}
    _write(results, pictures, explanation.output)
    return results


def _explain_recording(recording: Path, explanation: Explanation) -> tuple[dict[str, Any], bytes]:
    """Return the effects of hidden parts of a recording, and their picture."""
    try:
        signal = resample(select_channel(decode(recording.read_bytes()), "mix"), SAMPLING_RATE)
        found = occlude(read_bundle(explanation.bundle), signal, explanation.window, explanation.hop)
    except (AudioError, TrainingError) as error:
        raise TrainingError(f"{recording}: {error}") from error
    most = int(found.changes.argmin())
    facts = {
        "recording": recording.name,
        "label": found.label,
        "probability": found.probability,
        "window": explanation.window,
        "hop": explanation.hop,
        "windows": found.windows.round(6).tolist(),
        "probabilities": found.probabilities.tolist(),
        "strongest": {
            "start": float(found.windows[most, 0]),
            "end": float(found.windows[most, 1]),
            "change": float(found.changes[most]),
        },
    }
    return facts, plots.occlusion(found, signal, explanation.hop)


def _explain_corpus(
    chosen: Sequence[Utterance],
    manifest: Manifest,
    explanation: Explanation,
    pictures: dict[str, bytes],
    *,
    skip_undecodable: bool,
) -> dict[str, Any]:
    """Return the figures of a corpus, and add its pictures."""
    scored, values = _look(chosen, explanation.bundle, skip_undecodable=skip_undecodable)
    truth = np.array([manifest.labels.index(one.emotion) for one in scored])
    recognized = values.probabilities.argmax(axis=1)
    speakers = [one.speaker for one in scored]
    trained = {corpus.name for corpus in manifest.protocol.corpora}
    embedding, pictures[MAP] = _map(scored, values.hidden, explanation)
    measured = _importance(values.pooled, truth, speakers, manifest, explanation)
    score = uar(truth, recognized)
    if measured:
        pictures[IMPORTANCE] = plots.importance(measured, score)
    confusions = _confusions(scored, truth, recognized, manifest.labels)
    for kind, counts in confusions.items():
        pictures[f"confusion_by_{kind}.png"] = plots.confusion_by_group(kind, counts, manifest.labels)
    return {
        "n_utterances": len(scored),
        "n_speakers": len(set(speakers)),
        "n_undecodable": len(chosen) - len(scored),
        "trained_on": sorted(trained & {one.corpus for one in scored}),
        "uar": score,
        "uar_interval_95": bootstrap_interval(truth, recognized, speakers, explanation.seed),
        "embedding": embedding,
        "importance": {title: [asdict(one) for one in found] for title, found in measured.items()},
        "n_repeats": explanation.n_repeats,
        "confusion": {
            kind: {name: matrix.tolist() for name, matrix in counts.items()}
            for kind, counts in confusions.items()
        },
    }


def _look(
    chosen: Sequence[Utterance], bundle: Path, *, skip_undecodable: bool
) -> tuple[list[Utterance], InnerValues]:
    """Run the network on all utterances. Return those that can be analyzed, and their inner values."""
    values = run(look_at, ((bundle, one.path) for one in chosen), len(chosen), "utterances")
    failed = [(one.path, value) for one, value in zip(chosen, values, strict=True) if isinstance(value, str)]
    if failed and not skip_undecodable:
        raise undecodable(failed, len(chosen))
    pairs = [
        (one, value) for one, value in zip(chosen, values, strict=True) if isinstance(value, InnerValues)
    ]
    if len(pairs) < FEWEST:
        raise TrainingError(f"{len(pairs)} recordings can be analyzed, fewer than {FEWEST}; check the corpus")
    return [one for one, _ in pairs], stack([value for _, value in pairs])


def _map(
    utterances: Sequence[Utterance], hidden: NDArray[np.float32], explanation: Explanation
) -> tuple[dict[str, Any], bytes]:
    """Return the agreement of neighbors in the hidden layers, and the map."""
    groups = {
        "label": [one.emotion for one in utterances],
        "speaker": [one.speaker for one in utterances],
        "corpus": [one.corpus for one in utterances],
    }
    has_hidden = bool(InnerNetwork(explanation.bundle).hidden)
    facts = {
        "layer": "last hidden layers" if has_hidden else "outputs before the softmax",
        "n_values": hidden.shape[1],
        "neighbors": {
            kind: dict(zip(("share", "chance"), neighbor_agreement(hidden, group), strict=True))
            for kind, group in groups.items()
        },
    }
    return facts, plots.embedding_map(embed(hidden, explanation.seed), groups)


def _importance(
    pooled: NDArray[np.float32],
    truth: NDArray[np.int64],
    speakers: Sequence[str],
    manifest: Manifest,
    explanation: Explanation,
) -> dict[str, list[Importance]]:
    """Return the importance of the groups by panel; empty if the network uses sequences of frames."""
    answer = pooled_network(explanation.bundle)
    if answer is None:
        return {}
    if manifest.features:
        config = FeatureConfig(manifest.features.feature_set, manifest.features.sampling_rate)
        groups = groups_of_functionals(FeatureExtractor(config).functional_names)
        title = f"groups of the functionals of {config.feature_set} (number of values)"
    else:
        groups = groups_of_statistics(pooled.shape[1])
        title = "encoder"
    found = importances(
        pooled,
        truth,
        speakers,
        groups,
        answer,
        n_repeats=explanation.n_repeats,
        seed=explanation.seed,
    )
    if manifest.features:
        return {title: found}
    layers = [one for one in found if one.group.startswith("encoder layer")]
    return {
        "layers of the encoder (number of values)": layers,
        "statistics over the utterance, of all layers": [one for one in found if one not in layers],
    }


def _confusions(
    utterances: Sequence[Utterance],
    truth: NDArray[np.int64],
    recognized: NDArray[np.int64],
    labels: Sequence[str],
) -> dict[str, dict[str, NDArray[np.int64]]]:
    """Return the confusion matrix of each group of the kinds with at least two known groups."""
    found: dict[str, dict[str, NDArray[np.int64]]] = {}
    for kind in KINDS:
        of_each = np.array([getattr(one, kind) or "" for one in utterances])
        names = [name for name, _ in Counter(sorted(of_each[of_each != ""])).most_common(MOST_GROUPS)]
        if len(names) > 1:
            found[kind] = {
                str(name): confusion_matrix(
                    truth[of_each == name], recognized[of_each == name], labels=range(len(labels))
                )
                for name in names
            }
    return found


def _write(results: Mapping[str, Any], pictures: Mapping[str, bytes], output: Path) -> None:
    """Write the pictures, then the report and the figures."""
    report = render(TEMPLATE, results=results, pictures=list(pictures))
    for name, content in pictures.items():
        write_whole(output / name, content)
    write_whole(output / REPORT, report.encode())
    write_whole(output / RESULTS, (json.dumps(results, indent=2, ensure_ascii=False) + "\n").encode())
