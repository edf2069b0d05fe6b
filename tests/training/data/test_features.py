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
from testing.recordings import EXAMPLE, ROOT, encode, tone
from tests.conftest import some_of_emodb
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
    speakers = [f"{number:02}" for number in range(3, 17)]
    table, cache, log = some_of_emodb(tmp_path, speakers, 4), tmp_path / "cache", tmp_path / "log"
    arguments = ["extract", "--corpus", f"csv={table}", "--features", "emobase", "--cache", str(cache)]
    command = [sys.executable, "-m", "training", *arguments]
    with log.open("w") as errors:
        first = subprocess.Popen(command, cwd=ROOT, stderr=errors, start_new_session=True)
    limit = time.monotonic() + 120
    while len(modification_times(cache)) < 10 and time.monotonic() < limit:
        time.sleep(0.05)
    # joblib loses a signal that arrives inside one of its callbacks, so the test repeats the signal. A signal
    # while Python ends would kill the process, so the message of the first one ends the repetition.
    interrupted = "interrupted; run the same command again to resume"
    while first.poll() is None and interrupted not in log.read_text() and time.monotonic() < limit:
        os.killpg(first.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            first.wait(1)
    assert first.wait(30) == 130
    assert interrupted in log.read_text()
    completed = modification_times(cache)
    n_utterances = len(csv_file.read(table))
    assert 10 <= len(completed) < n_utterances
    assert not list(cache.rglob(".*"))

    assert main(arguments) == 0
    finished = modification_times(cache)
    assert len(finished) == n_utterances
    assert {name: finished[name] for name in completed} == completed


def test_a_cluster_writes_the_same_cache(two_utterances: list[Utterance], tmp_path: Path) -> None:
    table = tmp_path / "utterances.csv"
    rows = [f"{recording.path.name},anger,{recording.path.stem}" for recording in two_utterances]
    table.write_text("\n".join(["path,emotion,speaker", *rows]))
    arguments = ["extract", "--features", "emobase", "--corpus", f"csv={table}"]
    arguments += ["--conditions", "clean", "telephone", "--cache"]
    assert main([*arguments, str(tmp_path / "here")]) == 0
    with cluster(os.environ, n_workers=1) as (address, _):
        program = [sys.executable, "-m", "training", *arguments, str(tmp_path / "there"), "--engine"]
        subprocess.run([*program, address], cwd=ROOT, check=True)
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
    two_utterances: list[Utterance], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cluster.ANSWER_WITHIN", "1s")
    table = two_utterances[0].path.with_name("utterances.csv")
    table.write_text("path,emotion,speaker\na.wav,anger,a\n")
    assert main(["extract", "--corpus", f"csv={table}", "--engine", "tcp://127.0.0.1:1"]) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in capfd.readouterr().err
