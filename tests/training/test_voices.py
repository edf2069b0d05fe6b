"""The further training of the encoder of voices."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.data.corpora import Utterance
from training.errors import TrainingError
from training.voices import FRAMES, N_CROPS, N_GROUPS, draw, load_voices


def recordings(folder: Path, **pitches: float) -> list[Utterance]:
    """Two recordings of a tone for each speaker, with silence before them."""
    utterances = []
    for speaker, pitch in pitches.items():
        for number in range(2):
            path = folder / f"{speaker}-{number}.wav"
            tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(16_000) / 16_000)
            soundfile.write(path, np.concatenate([np.zeros(8_000), tone]), 16_000)
            utterances.append(Utterance(path, "tones", "neutral", speaker, sex="f"))
    return utterances


def test_the_silence_around_speech_does_not_train(tmp_path: Path) -> None:
    (voices,) = load_voices(recordings(tmp_path, low=400, high=900))
    assert list(voices) == ["low", "high"]
    assert all(len(spoken) == pytest.approx(8_000, abs=160) for one in voices.values() for spoken in one)


def test_a_single_voice_cannot_train(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="at least two speakers"):
        load_voices(recordings(tmp_path, low=400))


def test_the_crops_of_a_voice_have_one_number(tmp_path: Path) -> None:
    groups = load_voices(recordings(tmp_path, low=400, high=900))
    batch = draw(groups, np.random.default_rng(1))
    assert batch.spectra.shape[1] in FRAMES
    assert np.isfinite(batch.spectra).all()
    assert np.bincount(batch.voices).tolist() == [N_CROPS] * 2 * N_GROUPS
    assert np.bincount(batch.groups).tolist() == [2 * N_CROPS] * N_GROUPS
    # The two tones of a group lie in different bands, and the crops of one voice in the same band.
    bands = batch.spectra.sum(axis=1).argmax(axis=1)
    in_first = batch.groups == 0
    means = [bands[in_first & (batch.voices == voice)].mean() for voice in (0, 1)]
    spreads = [bands[in_first & (batch.voices == voice)].std() for voice in (0, 1)]
    assert abs(means[0] - means[1]) > 4 * max(spreads)
