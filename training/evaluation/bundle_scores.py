"""The scores of a bundle for labeled recordings, computed by the code of the service and cached.

The cache is a folder of .npz files. The SHA-256 of the recording is the name of its file, and a digest of the
network, the scaler and the code is in the name of the folder. So an interrupted run resumes at the next
recording.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import app.core.inputs
import app.core.recognizer
from app.core.audio import decode, select_channel
from app.core.bundle import MODEL, SCALER, read_bundle
from app.core.errors import AudioError
from app.core.features import FEATURE_SETS, FeatureConfig
from app.core.files import write_whole
from app.core.manifest import Manifest
from app.core.recognition import Recognition
from app.core.recognizer import EmotionRecognizer
from app.core.speaker import SpeakerScores
from training.arrays import to_npz
from training.data.corpora import Utterance
from training.data.features import sources_digest
from training.encoder.extractor import ENCODER
from training.errors import TrainingError, undecodable
from training.learning.correction import SiteScores
from training.processes import run

LOGITS, OFFSETS = "logits", "offsets"


def score(
    utterances: Sequence[Utterance], bundle: Path, cache_folder: Path, *, skip_undecodable: bool = False
) -> tuple[list[Utterance], SiteScores]:
    """Recognize recordings, except those in the cache.

    Args:
        utterances: the utterances; several channels of a recording are mixed to one.
        bundle: the folder of the bundle.
        cache_folder: the folder of the cache, which later runs use again.
        skip_undecodable: skip recordings that cannot be analyzed, instead of raising.

    Returns:
        The utterances that can be analyzed, and their scores in the same order.

    Raises:
        TrainingError: recordings cannot be analyzed; the message names and counts them.
        BundleError: the bundle is damaged.
    """
    manifest = read_bundle(bundle).manifest
    folder = cache_folder / f"scores-{_digest(manifest)}"
    paths = [folder / f"{hashlib.sha256(one.path.read_bytes()).hexdigest()}.npz" for one in utterances]
    missing = {path: one for path, one in zip(paths, utterances, strict=True) if not path.is_file()}
    jobs = ((bundle, one.path, path) for path, one in missing.items())
    failures = dict(filter(None, run(_score_one, jobs, len(missing), "recognizing", in_order=False)))
    if failures and not skip_undecodable:
        raise undecodable(sorted(failures.items()), len(utterances))
    kept = [place for place, path in enumerate(paths) if path.is_file()]
    if not kept:
        raise TrainingError("no recording can be analyzed; check the recordings of the corpus")
    logits, offsets = zip(*(_read(paths[place]) for place in kept), strict=True)
    chosen = [utterances[place] for place in kept]
    return chosen, SiteScores(
        np.stack(logits),
        np.stack(offsets) if manifest.adapts_to_speaker else None,
        np.array([one.speaker for one in chosen]),
    )


def _digest(manifest: Manifest) -> str:
    """Return a digest of the files and the code that determine the scores."""
    described = manifest.features
    known = described is not None and described.feature_set in FEATURE_SETS
    config = FeatureConfig(described.feature_set if described and known else ENCODER)
    parts = [manifest.files[MODEL], manifest.files[SCALER], str(manifest.temperature)]
    parts.append(sources_digest(config, app.core.inputs, app.core.recognizer))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _score_one(bundle: Path, audio: Path, path: Path) -> tuple[Path, str] | None:
    """Compute and cache the scores of one recording. Return the recording and the reason on failure."""
    try:
        signal = select_channel(decode(audio.read_bytes()), "mix")
        recognition = _recognizer(bundle).recognize_speech(signal)
    except AudioError as error:
        return audio, str(error)
    write_whole(path, to_npz(scores_of(recognition)))
    return None


def scores_of(recognition: Recognition) -> dict[str, NDArray[np.float64]]:
    """Return the calibrated logits and the offsets of an answer, shape (n_labels,) each.

    A bundle that does not adapt gives neither: the logarithms of its probabilities replace the logits, and
    the offsets are empty.
    """
    if isinstance(recognition.scores, SpeakerScores):
        scores = recognition.scores
        return {LOGITS: np.array(scores.logits), OFFSETS: np.array(scores.offsets)}
    probabilities = np.array(list((recognition.probabilities or {}).values()))
    return {LOGITS: np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)), OFFSETS: np.zeros(0)}


def _read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read the logits and offsets of one recording."""
    with np.load(path) as arrays:
        return arrays[LOGITS], arrays[OFFSETS]


@cache
def _recognizer(bundle: Path) -> EmotionRecognizer:
    """Return the recognizer of a bundle, which each process creates once."""
    return EmotionRecognizer(read_bundle(bundle))
