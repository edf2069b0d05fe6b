"""`python -m training adapt`: adapt a bundle to unlabeled recordings of a call center.

The lines, rooms and speakers of a call center shift the mean and the scale of the features. This module
estimates both from unlabeled recordings, and combines the estimate with the original scaler. With n
recordings and the strength k, the new estimate has the weight n / (n + k), like a mean under a prior of k
observations (Gauvain & Lee 1994, maximum a posteriori). The networks do not change.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from app.core.bundle import MODEL, SCALER, read_bundle, write_bundle
from app.core.features import FEATURE_SETS, FeatureConfig, FeatureValues
from app.core.manifest import Adaptation, Facts, Features, Manifest
from app.core.scaler import Scaler
from training.data.corpora import Utterance
from training.data.corpora.utterance import SUFFIXES
from training.data.features import extract
from training.data.scaling import fit_scaler, join_scalers
from training.errors import TrainingError
from training.publish.artifacts import CARD

STRENGTH = 30.0
"""The number of recordings that the original scaler counts as. Not tuned."""
NO_VARIANCE = float(np.finfo(np.float64).tiny)
"""The scale of a feature that is equal in all recordings. A scaler permits no scale of 0."""


def adapt(
    original: Path,
    audio: Path,
    bundle: Path,
    cache: Path,
    *,
    overwrite: bool = False,
    skip_undecodable: bool = False,
) -> None:
    """Write a bundle whose scaler is adapted to recordings.

    Args:
        original: the folder of the original bundle.
        audio: the folder of WAV or FLAC recordings, which are utterances rather than whole calls.
        bundle: the folder of the new bundle, whose name is the name of the bundle.
        cache: the folder of cached features.
        overwrite: replace an existing bundle.
        skip_undecodable: skip recordings that cannot be analyzed.

    Raises:
        TrainingError: the original has no scaler to adapt, or there are no recordings.
        BundleError: the original bundle is damaged, or the new bundle already exists.
    """
    source = read_bundle(original)
    described = _features_of(original, source.manifest)
    extracted = extract(
        _recordings(audio),
        FeatureConfig(described.feature_set, described.sampling_rate),
        cache,
        skip_undecodable=skip_undecodable,
    )
    features = extracted.features["clean"]
    scaler, weight = re_estimate(source.scaler, features), weight_of(len(features))
    adaptation = Adaptation(
        n_recordings=len(features),
        n_frames=sum(len(one.descriptors) for one in features),
        weight=weight,
    )
    facts = Facts(
        **source.manifest.model_dump(exclude={"files", "name", "adapted_to"}),
        name=bundle.name,
        adapted_to=adaptation,
    )
    write_bundle(
        bundle,
        facts,
        scaler,
        _with_metadata(original / MODEL, facts),
        _artifacts(original, source.manifest.files, adaptation),
        overwrite=overwrite,
    )
    print(f"wrote {bundle}: its scaler gives {len(features)} recordings a weight of {weight:.0%}", flush=True)


def plan(original: Path, audio: Path, bundle: Path) -> str:
    """Return what `adapt` would do, after the checks that need no extraction.

    Args:
        original: the folder of the original bundle.
        audio: the folder of recordings.
        bundle: the folder of the new bundle.

    Raises:
        TrainingError: the original has no scaler to adapt, or there are no recordings.
        BundleError: the original bundle is damaged.
    """
    _features_of(original, read_bundle(original).manifest)
    n = len(_recordings(audio))
    recordings = f"{n} recording{'s' if n > 1 else ''} of {audio}"
    return f"Adapt {original} to {recordings}, with a weight of {weight_of(n):.0%}.\nBundle: {bundle}."


def _features_of(original: Path, manifest: Manifest) -> Features:
    """Return the openSMILE features of a bundle, whose scaler can be adapted."""
    described = manifest.features
    if described is None:
        raise TrainingError(
            f"{original}: takes no openSMILE features, so it has no scaler to adapt. Serve it unchanged: in "
            "calls it adapts to each speaker without this command"
        )
    if described.feature_set not in FEATURE_SETS:
        raise TrainingError(f"{original}: unknown feature set {described.feature_set}")
    return described


def re_estimate(original: Scaler, features: Sequence[FeatureValues]) -> Scaler:
    """Adapt a scaler to the mean and scale of recordings.

    Args:
        original: the original scaler.
        features: the features of the recordings.
    """
    estimate = join_scalers(
        fit_scaler([np.stack([one.functionals for one in features])], constant_scale=NO_VARIANCE),
        fit_scaler([np.concatenate([one.descriptors for one in features])], constant_scale=NO_VARIANCE),
    )
    return shrink(original, estimate, weight_of(len(features)))


def weight_of(n_recordings: int) -> float:
    """Return the weight of the recordings relative to the original scaler, from 0 to 1."""
    return n_recordings / (n_recordings + STRENGTH)


def shrink(original: Scaler, estimate: Scaler, weight: float) -> Scaler:
    """Return the weighted means of the means and of the variances of two scalers.

    Args:
        original: the original scaler.
        estimate: the scaler of the recordings alone.
        weight: the weight of `estimate`, from 0 to 1.
    """
    return Scaler(
        weight * estimate.mean + (1 - weight) * original.mean,
        np.sqrt(weight * estimate.scale**2 + (1 - weight) * original.scale**2),
    )


def _recordings(folder: Path) -> list[Utterance]:
    """Return all recordings in a folder and its subfolders, without emotion and speaker."""
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such folder")
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise TrainingError(f"{folder}: holds no WAV or FLAC file")
    return [Utterance(path, folder.name, emotion="", speaker="") for path in paths]


def _with_metadata(path: Path, facts: Facts) -> bytes:
    """Return the network of a bundle with other facts in its metadata."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, facts.to_metadata())
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _artifacts(original: Path, files: Mapping[str, str], adaptation: Adaptation) -> dict[str, bytes]:
    """Return the original artifacts, with a note about the adaptation at the top of the card."""
    artifacts = {name: (original / name).read_bytes() for name in files if name not in {SCALER, MODEL}}
    note = (
        f"> This bundle is `{original.name}`, adapted to {adaptation.n_recordings} unlabeled recordings. "
        f"The recordings have a weight of {adaptation.weight:.0%} in its scaler. **The figures below are "
        f"those of `{original.name}`**. To measure the adapted bundle, evaluate it on labeled recordings.\n\n"
    )
    artifacts[CARD] = note.encode() + artifacts.get(CARD, b"")
    return artifacts
