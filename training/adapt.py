"""`python -m training adapt`: a bundle for a place's own recordings, without labels.

What a call centre's line, rooms and voices do to the features is in their mean and scale. These
are re-estimated from unlabelled recordings of the place and drawn toward the original where there
are few: with n recordings and the strength k, the place's own estimate weighs n / (n + k), as a
mean does under a prior worth k observations (Gauvain & Lee 1994, maximum a posteriori). The
networks stay as they are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from sklearn.preprocessing import StandardScaler

from app.core.bundle import MODEL, SCALER, read_bundle, write_bundle
from app.core.features import FEATURE_SETS, FeatureConfig, Features
from app.core.manifest import Adaptation, Facts
from app.core.scaler import Scaler
from training.corpora import Utterance
from training.corpora.utterance import SUFFIXES
from training.errors import TrainingError
from training.extract import extract
from training.report import CARD

STRENGTH = 30.0
"""Recordings that the original scaler is worth."""


def adapt(
    original: Path,
    audio: Path,
    bundle: Path,
    cache: Path,
    *,
    overwrite: bool = False,
    skip_undecodable: bool = False,
) -> None:
    """Make a bundle whose scaler fits a place's own recordings.

    Args:
        original: the bundle to start from.
        audio: folder with WAV or FLAC recordings, utterances rather than whole calls.
        bundle: where the new one shall stand; its name is the folder's.
        cache: folder of features.
        overwrite: replace a bundle that stands there.
        skip_undecodable: leave out recordings that cannot be analysed.

    Raises:
        TrainingError: there is nothing to adapt to, or the place is taken.
        BundleError: the original is no bundle that matches itself.
    """
    source = read_bundle(original)
    described = source.manifest.features
    if described is None:
        raise TrainingError(
            f"{original}: takes no openSMILE features, so it has no scaler to fit. In calls it adapts to "
            "each speaker by itself"
        )
    if described.feature_set not in FEATURE_SETS:
        raise TrainingError(f"{original}: unknown feature set {described.feature_set}")
    extracted = extract(
        _recordings(audio),
        FeatureConfig(described.feature_set, described.sampling_rate),
        cache,
        skip_undecodable=skip_undecodable,
    )
    heard = extracted.features["clean"]
    scaler, weight = re_estimate(source.scaler, heard), weight_of(len(heard))
    adaptation = Adaptation(
        n_recordings=len(heard),
        n_frames=sum(len(one.descriptors) for one in heard),
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
        _papers(original, source.manifest.files, adaptation),
        overwrite=overwrite,
    )
    print(f"{bundle} is written: {len(heard)} recordings weigh {weight:.0%} in its scaler", flush=True)


def re_estimate(original: Scaler, heard: Sequence[Features]) -> Scaler:
    """Draw a scaler toward the mean and scale of recordings.

    Args:
        original: what there is.
        heard: features of recordings, clean; nothing else of them is known.
    """
    return shrink(original, own_scaler(heard), weight_of(len(heard)))


def own_scaler(heard: Sequence[Features]) -> Scaler:
    """Mean and scale of recordings alone: of the functionals, then the descriptors."""
    functionals = StandardScaler().fit(np.stack([one.functionals for one in heard]).astype(np.float64))
    descriptors = StandardScaler().fit(np.concatenate([one.descriptors for one in heard]).astype(np.float64))
    return Scaler(
        np.concatenate([functionals.mean_, descriptors.mean_]),
        np.sqrt(np.concatenate([functionals.var_, descriptors.var_])) + np.finfo(np.float64).tiny,
    )


def weight_of(n_recordings: int) -> float:
    """How much recordings weigh against the original scaler, from 0 to 1."""
    return n_recordings / (n_recordings + STRENGTH)


def shrink(original: Scaler, own: Scaler, weight: float) -> Scaler:
    """Draw means and variances of one scaler toward those of another.

    Args:
        original: what is drawn to.
        own: what is drawn.
        weight: of `own`, from 0 to 1.
    """
    return Scaler(
        weight * own.mean + (1 - weight) * original.mean,
        np.sqrt(weight * own.scale**2 + (1 - weight) * original.scale**2),
    )


def _recordings(folder: Path) -> list[Utterance]:
    """All recordings in a folder and below it; emotion and speaker are unknown."""
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such folder")
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise TrainingError(f"{folder}: holds no WAV or FLAC file")
    return [Utterance(path, folder.name, emotion="", speaker="") for path in paths]


def _with_metadata(path: Path, facts: Facts) -> bytes:
    """The network of a bundle, with other facts in it."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, facts.to_metadata())
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _papers(original: Path, files: Mapping[str, str], adaptation: Adaptation) -> dict[str, bytes]:
    """The papers of the original; its card says on top that the figures are not the adapted one's."""
    papers = {name: (original / name).read_bytes() for name in files if name not in {SCALER, MODEL}}
    note = (
        f"> This bundle is `{original.name}`, adapted to {adaptation.n_recordings} unlabelled recordings: "
        f"they weigh {adaptation.weight:.0%} in its scaler. **The figures below are those of "
        f"`{original.name}`**; how the adapted one scores takes labels to measure.\n\n"
    )
    papers[CARD] = note.encode() + papers.get(CARD, b"")
    return papers
