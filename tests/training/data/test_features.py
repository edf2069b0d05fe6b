import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from app.core.audio import decode, select_channel
from app.core.features import FeatureConfig, FeatureExtractor, FeatureValues
from testing.clusters import cluster
from testing.recordings import EXAMPLE, ROOT, corpora, encode, tone
from training.__main__ import main
from training.data.corpora import Utterance, csv_file
from training.data.features import _extract_one, extract
from training.errors import TrainingError

CONFIG = FeatureConfig("emobase")


def utterance(path: Path) -> Utterance:
    return Utterance(path, "corpus", "anger", "speaker")


def equal(one: FeatureValues, other: FeatureValues) -> bool:
    return all(map(np.array_equal, one, other))


def modification_times(cache: Path) -> dict[str, int]:
    return {f"{file.parent.name}/{file.name}": file.stat().st_mtime_ns for file in cache.rglob("*.npz")}


@pytest.fixture
def two_utterances(tmp_path: Path) -> list[Utterance]:
    shutil.copy(EXAMPLE, tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(encode(tone(1, 44_100, channels=2), 44_100))
    return [utterance(tmp_path / "a.wav"), utterance(tmp_path / "b.wav")]


def test_training_extracts_the_same_features_as_the_service(
    two_utterances: list[Utterance], tmp_path: Path
) -> None:
    extracted = extract(two_utterances, CONFIG, tmp_path / "cache")
    assert extracted.utterances == two_utterances
    extractor = FeatureExtractor(CONFIG)
    for features, recording in zip(extracted.features["clean"], two_utterances, strict=True):
        signal = select_channel(decode(recording.path.read_bytes()), "mix")
        assert equal(features, extractor.extract(signal))


def test_features_are_extracted_only_once(two_utterances: list[Utterance], tmp_path: Path) -> None:
    first = extract(two_utterances, CONFIG, tmp_path / "cache").features["clean"]
    before = modification_times(tmp_path / "cache")
    second = extract(two_utterances[::-1], CONFIG, tmp_path / "cache").features["clean"]
    assert modification_times(tmp_path / "cache") == before
    assert all(map(equal, second, first[::-1]))


def test_another_recording_or_configuration_has_its_own_cache_entry(
    two_utterances: list[Utterance], tmp_path: Path
) -> None:
    extract(two_utterances, CONFIG, tmp_path / "cache")
    two_utterances[0].path.write_bytes(encode(tone(0.5)))
    extract(two_utterances, CONFIG, tmp_path / "cache")
    assert len(modification_times(tmp_path / "cache")) == 3
    extract(two_utterances, FeatureConfig("emobase", 8_000), tmp_path / "cache")
    assert len(modification_times(tmp_path / "cache")) == 5


def test_a_condition_gives_the_same_features_every_time(
    two_utterances: list[Utterance], tmp_path: Path
) -> None:
    conditions = ("clean", "telephone", "noise-5", "line-1", "line-2")
    first = extract(two_utterances, CONFIG, tmp_path / "one", conditions=conditions)
    second = extract(two_utterances[::-1], CONFIG, tmp_path / "other", conditions=conditions)
    assert tuple(first.features) == conditions
    for condition in conditions:
        assert all(map(equal, first.features[condition], second.features[condition][::-1]))
    variants = [first.features[condition][0] for condition in conditions]
    assert not any(equal(left, right) for left, right in combinations(variants, 2))


def test_undecodable_recordings_are_counted_and_listed(
    two_utterances: list[Utterance], tmp_path: Path
) -> None:
    bad = [utterance(tmp_path / name) for name in ("text.wav", "cut.wav")]
    bad[0].path.write_text("not a recording")
    bad[1].path.write_bytes(encode(tone())[:5000])
    with pytest.raises(TrainingError, match="2 of 4 recordings") as raised:
        extract([*two_utterances, *bad], CONFIG, tmp_path / "cache")
    assert all(str(recording.path) in str(raised.value) for recording in bad)
    extracted = extract([bad[0], *two_utterances, bad[1]], CONFIG, tmp_path / "cache", skip_undecodable=True)
    assert extracted.utterances == two_utterances
    assert len(extracted.features["clean"]) == 2


def test_a_corpus_without_a_decodable_recording_is_refused(tmp_path: Path) -> None:
    bad = utterance(tmp_path / "text.wav")
    bad.path.write_text("not a recording")
    with pytest.raises(TrainingError, match="no recording"):
        extract([bad], CONFIG, tmp_path / "cache", skip_undecodable=True)


def test_an_interrupted_extraction_resumes(tmp_path: Path) -> None:
    table, cache = corpora() / "emodb" / "utterances.csv", tmp_path / "cache"
    command = [sys.executable, "-m", "training", "extract", "--corpus", f"csv={table}"]
    command += ["--features", "emobase", "--cache", str(cache)]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    limit = time.monotonic() + 120
    while len(modification_times(cache)) < 50 and time.monotonic() < limit:
        time.sleep(0.05)
    # joblib loses a signal that arrives inside one of its callbacks, so the test repeats the signal. A signal
    # while Python ends would kill the process, so the test waits for the end first.
    while first.poll() is None and time.monotonic() < limit:
        os.killpg(first.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            first.wait(10)
    errors = first.communicate(timeout=30)[1]
    completed = modification_times(cache)
    assert first.returncode == 130
    assert "interrupted; run the same command again to resume" in errors
    assert 50 <= len(completed) < 535
    assert not list(cache.rglob(".*"))

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    finished = modification_times(cache)
    assert len(finished) == len(csv_file.read(table)) == 535
    assert {name: finished[name] for name in completed} == completed


def test_a_cluster_writes_the_same_cache(two_utterances: list[Utterance], tmp_path: Path) -> None:
    table = tmp_path / "utterances.csv"
    rows = [f"{recording.path.name},anger,{recording.path.stem}" for recording in two_utterances]
    table.write_text("\n".join(["path,emotion,speaker", *rows]))
    program = [sys.executable, "-m", "training", "extract", "--features", "emobase"]
    program += ["--conditions", "clean", "telephone", "--corpus", f"csv={table}"]
    with cluster(os.environ) as (address, _):
        for arguments in (["here"], ["there", "--engine", address]):
            subprocess.run(
                [*program, "--cache", tmp_path / arguments[0], *arguments[1:]], cwd=ROOT, check=True
            )
    here, there = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.npz")}
        for name in ("here", "there")
    )
    assert len(here) == 4
    assert here == there


def test_a_machine_with_other_code_extracts_nothing(two_utterances: list[Utterance], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="has other code or libraries"):
        _extract_one(two_utterances[0].path, tmp_path / "emobase-clean-0" / "0.npz", CONFIG, "clean")


def test_an_unreachable_cluster_is_reported(
    two_utterances: list[Utterance], capfd: pytest.CaptureFixture[str]
) -> None:
    table = two_utterances[0].path.with_name("utterances.csv")
    table.write_text("path,emotion,speaker\na.wav,anger,a\n")
    assert main(["extract", "--corpus", f"csv={table}", "--engine", "tcp://127.0.0.1:1"]) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in capfd.readouterr().err
