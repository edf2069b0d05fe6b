from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
from app.core.scaler import Scaler
from testing import bundles
from testing.recordings import speech
from training.__main__ import main
from training.adapt import STRENGTH, shrink


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Ten quiet recordings, as from one telephone line."""
    folder = tmp_path / "audio"
    folder.mkdir()
    for number in range(10):
        samples = speech()[1_000 * number :][:16_000] * 0.1
        soundfile.write(folder / f"{number}.wav", samples, 16_000, "PCM_16")
    return folder


def adapt(original: Path, audio: Path, tmp_path: Path, *options: str) -> int:
    folders = ["--models", str(tmp_path / "adapted"), "--cache", str(tmp_path / "cache")]
    return main(
        ["adapt", "--bundle", str(original), "--audio", str(audio), "--name", "ours", *folders, *options]
    )


def test_adaptation_changes_the_scaler_and_keeps_the_scores(recordings: Path, tmp_path: Path) -> None:
    original = bundles.write(tmp_path / "models")
    assert adapt(original, recordings, tmp_path) == 0
    before, after = read_bundle(original), read_bundle(tmp_path / "adapted" / "ours")
    assert after.manifest.adapted_to is not None
    assert after.manifest.adapted_to.n_recordings == 10
    assert after.manifest.adapted_to.weight == 10 / (10 + STRENGTH)
    assert not np.allclose(before.scaler.mean, after.scaler.mean)
    assert after.manifest.scores == before.manifest.scores
    card = (tmp_path / "adapted" / "ours" / "MODEL_CARD.md").read_text()
    assert "adapted to 10 unlabeled recordings" in card
    assert "# small" in card

    recording = decode((recordings / "0.wav").read_bytes())
    answers = [EmotionRecognizer(bundle).recognize(recording).probabilities for bundle in (before, after)]
    assert answers[0] != answers[1]


def test_shrinking_averages_the_means_and_the_variances() -> None:
    original, own = Scaler(np.zeros(2), np.ones(2)), Scaler(np.full(2, 4.0), np.full(2, 3.0))
    adapted = shrink(original, own, 0.25)
    np.testing.assert_allclose(adapted.mean, 1)
    np.testing.assert_allclose(adapted.scale, np.sqrt(3))
    np.testing.assert_array_equal(shrink(original, own, 0).scale, original.scale)


def test_a_failed_adaptation_reports_the_reason(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = bundles.write(tmp_path / "models")
    assert adapt(original, tmp_path / "nowhere", tmp_path) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert adapt(original, tmp_path / "empty", tmp_path) == 1
    assert "holds no WAV or FLAC file" in capsys.readouterr().err
    (recordings / "broken.wav").write_bytes(b"RIFF")
    assert adapt(original, recordings, tmp_path) == 1
    assert "1 of 11 recordings cannot be analyzed" in capsys.readouterr().err
    assert adapt(original, recordings, tmp_path, "--skip-undecodable") == 0
    assert adapt(original, recordings, tmp_path, "--skip-undecodable") == 1
    assert "already exists" in capsys.readouterr().err
