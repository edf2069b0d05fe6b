"""Copies of real utterances are found; different utterances are not called copies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.core.audio import Signal, decode
from testing.recordings import corpora, encode, speech
from training.data.conditions import CONDITIONS
from training.data.corpora import csv_file
from training.data.duplicates import LIMIT, SIMILAR, candidates, find_copies, similarity
from training.data.fingerprint import SIZE, fingerprint
from training.data.recording_facts import RecordingFacts, measure

CHANGES: dict[str, Callable[[Signal], Signal]] = {
    "quieter": lambda one: Signal(one.samples / np.float32(8), one.sampling_rate),
    "inverted": lambda one: Signal(-one.samples, one.sampling_rate),
    "trimmed": lambda one: Signal(one.samples[:, 1_501:-777], one.sampling_rate),
    "telephone": lambda one: CONDITIONS["telephone"](one, np.random.default_rng(1)),
    "noise": lambda one: CONDITIONS["noise-20"](one, np.random.default_rng(1)),
    "opus": lambda one: decode(encode(one.samples[0], subtype="OPUS", container="OGG")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_near_and_agrees(change: str) -> None:
    signal = Signal(speech()[np.newaxis], 16_000)
    copy = CHANGES[change](signal)
    own, changed = fingerprint(signal), fingerprint(copy)
    assert own is not None
    assert changed is not None
    assert np.linalg.norm(own - changed) <= LIMIT
    assert similarity(signal, copy) >= SIMILAR
    assert similarity(copy, signal) == pytest.approx(similarity(signal, copy), abs=0.02)


def test_different_utterances_are_not_copies(tmp_path: Path) -> None:
    # Both repetitions of each sentence, by one actor: what a search could confuse most easily.
    actor = "Actor_02"
    utterances = [
        one for one in csv_file.read(corpora() / "ravdess" / "utterances.csv") if actor in one.path.parts
    ]
    paths = [one.path for one in utterances]
    facts = [one for one in measure(paths, tmp_path, speech=False) if isinstance(one, RecordingFacts)]
    assert len(facts) == len(paths) == 60
    prints = [one.fingerprint for one in facts]
    assert sum(len(others) for _, others in candidates(prints)) > 5  # so that the samples decide
    assert find_copies(paths, facts, tmp_path) == []


def test_the_known_copy_of_ravdess_is_found(tmp_path: Path) -> None:
    folder = corpora() / "ravdess" / "audio" / "Actor_07"
    paths = [folder / f"03-01-03-01-02-0{number}-07.flac" for number in (1, 2)]
    facts = [one for one in measure(paths, tmp_path, speech=False) if isinstance(one, RecordingFacts)]
    [copies] = find_copies(paths, facts, tmp_path)
    assert (copies.members, copies.exact, copies.similarity) == ((0, 1), True, 1.0)


def test_silence_and_short_sounds_have_no_fingerprint() -> None:
    assert fingerprint(Signal(np.zeros((1, 16_000), np.float32), 16_000)) is None
    assert fingerprint(Signal(np.ones((1, 100), np.float32), 16_000)) is None
    click = np.zeros((1, 16_000), np.float32)
    click[0, 8_000] = 1
    assert fingerprint(Signal(click, 16_000)) is None


def test_the_blocks_find_the_same_neighbors_as_the_whole_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    prints = [one.astype(np.float16) for one in random.normal(0, 0.006, (50, SIZE))]
    whole = np.array(prints, np.float32)
    distances = np.linalg.norm(whole[:, np.newaxis] - whole, axis=2)
    np.fill_diagonal(distances, np.inf)
    limit = float(np.quantile(distances, 0.2))
    expected = {
        frozenset((row, int(column)))
        for row in range(len(prints))
        for column in np.argsort(distances[row])[:3]
        if distances[row, column] <= limit
    }
    monkeypatch.setattr("training.data.duplicates.ROWS", 7)
    monkeypatch.setattr("training.data.duplicates.COLUMNS", 11)
    found = [frozenset((row, other)) for row, others in candidates(prints, limit) for other in others]
    assert set(found) == expected
    assert len(found) == len(set(found))
