"""`python -m training describe` on recordings that are built for one finding each."""

import csv
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from testing.recordings import encode
from training.__main__ import main

COLUMNS = ("path", "emotion", "speaker", "sex", "language", "test_fold")
HOSTILE = '<script>alert("x")</script>'
RATE = 16_000

Samples = NDArray[np.float32]


def voice(seed: int, seconds: float = 1.5) -> Samples:
    """Return a sound like speech: harmonics whose pitch and bands vary at random."""
    random = np.random.default_rng(seed)
    n = int(seconds * RATE)
    time = np.linspace(0, 1, n)

    def curve(low: float, high: float) -> Samples:
        points = random.uniform(low, high, int(8 * seconds) + 2)
        return np.interp(time, np.linspace(0, 1, len(points)), points).astype(np.float32)

    phase = 2 * np.pi * np.cumsum(curve(90, 240)) / RATE
    sound = sum(curve(0, 1) * np.sin(k * phase) for k in range(1, 16))
    samples = 0.02 * sound + 1e-4 * random.standard_normal(n)
    return np.asarray(np.round(samples * 2**15) / 2**15, np.float32)  # so that 16 bits lose nothing


def quieter(samples: Samples, factor: int) -> Samples:
    """Divide the amplitude."""
    return np.asarray(samples / factor, np.float32)


def write_corpus(folder: Path, rows: dict[str, tuple[bytes, str]]) -> Path:
    """Write recordings, and the table with the other columns of each."""
    folder.mkdir(parents=True)
    table = folder / "utterances.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, (data, columns) in rows.items():
            (folder / name).write_bytes(data)
            writer.writerow([name, *columns.split(",")])
    return table


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two corpora, with a recording for each finding."""
    folder = tmp_path_factory.mktemp("corpora")
    loud = np.clip(60 * voice(7), -1, 1)
    ours = {
        "first.wav": (encode(voice(1)), "anger,s1,f,de,1"),
        "in-another-part.flac": (encode(voice(1), container="FLAC"), "anger,s1,f,de,2"),
        "second.wav": (encode(voice(2)), "sadness,s1,f,de,1"),
        "other-speaker.ogg": (
            encode(quieter(voice(2)[1_001:], 4), subtype="OPUS", container="OGG"),
            "sadness,s2,f,de,1",
        ),
        "third.wav": (encode(voice(3)), "happiness,s2,f,de,1"),
        "fourth.wav": (encode(voice(4)), "anger,s2,f,de,1"),
        "other-label.wav": (encode(quieter(voice(4), 2)), "neutral,s2,f,de,1"),
        "fifth.wav": (encode(voice(5)), "neutral,s1,f,de,1"),
        "again.wav": (encode(voice(5)), "neutral,s1,f,de,1"),
        "silent.wav": (encode(np.zeros(RATE, np.float32)), "neutral,s3,m,de,1"),
        "silent-too.wav": (encode(np.zeros(RATE, np.float32)), "neutral,s3,m,de,1"),
        "clipped.wav": (encode(loud), "anger,s3,f,de,1"),
        "stereo.wav": (encode(np.stack([voice(8), voice(9)], 1)), "fear,s3,m,de,1"),
        "broken.wav": (b"RIFF and nothing else", "anger,s4,m,de,1"),
        "short.wav": (encode(voice(10)[:800]), f'"{HOSTILE}",s4,m,de,1'.replace('"', "")),
        "pauses.wav": (
            encode(np.concatenate([np.zeros(8_000, np.float32), voice(11), np.zeros(4_000, np.float32)])),
            "surprise,<b>s5</b>,m,,1",
        ),
    }
    other = {
        "telephone.wav": (encode(voice(3)[::2], 8_000, "ULAW"), "happiness,s2,f,de,"),
        "distinct.wav": (encode(voice(12)), "anger,s9,,,"),
    }
    return [write_corpus(folder / "ours", ours), write_corpus(folder / "other", other)]


def describe(tables: list[Path], output: Path, cache: Path, *options: str) -> int:
    corpora = [part for table in tables for part in ("--corpus", f"csv={table}")]
    return main(["describe", *corpora, "--output", str(output), "--cache", str(cache), *options])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def report(tables: list[Path], cache: Path) -> Path:
    """The folder of the report."""
    assert describe(tables, cache / "report", cache, "--speech") == 0
    return cache / "report"


@pytest.fixture(scope="module")
def results(report: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((report / "report.json").read_text())
    return content


def test_every_problem_is_found_and_the_most_dangerous_is_first(results: dict[str, Any]) -> None:
    found = [(one["kind"], one["severity"], one["n"]) for one in results["findings"]]
    kinds = {kind: n for kind, _, n in found}
    assert [kind for kind, _, _ in found][:4] == [
        "copies-folds",
        "copies-speakers",
        "copies-corpora",
        "copies-labels",
    ]
    assert {severity for _, severity, _ in found[:4]} == {"critical"}
    no_speech = kinds.pop("no-speech", 0)  # the detector decides about the sounds of this test
    assert no_speech < len(results["recordings"])
    assert kinds == {
        "copies-folds": 2,
        "copies-speakers": 2,
        "copies-corpora": 2,
        "copies-labels": 2,
        "copies-same": 2,
        "default-folds": 1,
        "unknown-labels": 1,
        "few-speakers": 4,
        "left-out-labels": 1,
        "undecodable": 1,
        "one-label": 2,
        "two-sexes": 1,
        "speaker-in-corpora": 1,
        "speakers-across-folds": 1,
        "silent": 2,
        "short": 1,
        "clipped": 1,
        "several-channels": 1,
        "sampling-rates": 2,
    }


def test_copies_are_grouped_and_say_in_what_they_differ(results: dict[str, Any]) -> None:
    groups = {
        tuple(Path(one["path"]).name for one in group["recordings"]): (group["kind"], group["apart"])
        for group in results["copies"]
    }
    assert groups == {
        ("first.wav", "in-another-part.flac"): ("exact", ["folds"]),
        ("second.wav", "other-speaker.ogg"): ("near", ["speakers"]),
        ("third.wav", "telephone.wav"): ("near", ["corpora"]),
        ("fourth.wav", "other-label.wav"): ("near", ["labels"]),
        ("fifth.wav", "again.wav"): ("exact", []),
    }


def test_the_facts_of_recordings_are_measured(results: dict[str, Any]) -> None:
    facts = {Path(one["path"]).name: one for one in results["recordings"]}
    assert facts["silent.wav"]["level"] is None
    assert facts["silent.wav"]["silence"] == 1.0
    assert facts["clipped.wav"]["clipped"] > 0.01
    assert facts["first.wav"]["clipped"] == 0
    assert (facts["telephone.wav"]["sampling_rate"], facts["telephone.wav"]["codec"]) == (8_000, "ULAW")
    assert facts["stereo.wav"]["n_channels"] == 2
    assert facts["pauses.wav"]["leading"] == pytest.approx(0.5, abs=0.03)
    assert facts["pauses.wav"]["trailing"] == pytest.approx(0.25, abs=0.03)
    assert 0 <= facts["pauses.wav"]["speech"] <= 1
    assert facts["other-label.wav"]["level"] == pytest.approx(facts["fourth.wav"]["level"] - 6, abs=0.2)
    [broken] = results["undecodable"]
    assert Path(broken["path"]).name == "broken.wav"
    assert "damaged" in broken["reason"]


def test_the_counts_agree_with_the_tables(results: dict[str, Any]) -> None:
    counts = results["counts"]
    assert counts["corpus"] == {"ours": 16, "other": 2}
    assert counts["sex"] == {"f": 11, "m": 6, "unknown": 1}
    assert counts["language"] == {"de": 16, "unknown": 2}
    assert counts["test_fold"] == {"ours": {"1": 15, "2": 1}, "other": {"none": 2}}
    assert counts["target"]["left out"] == 1
    assert counts["target"]["unknown label"] == 1
    assert counts["speaker_labels"]["other"] == {"s2": {"happiness": 1}, "s9": {"anger": 1}}
    assert sum(results["histograms"]["duration"]["corpora"]["ours"]) == 15


def test_the_fields_of_the_json_are_stable(results: dict[str, Any]) -> None:
    assert results["version"] == 1
    assert set(results) == {
        *("version", "n_utterances", "n_speakers", "seconds", "findings", "copies", "counts", "targets"),
        *("corpora", "histograms", "undecodable", "recordings"),
    }
    assert set(results["findings"][0]) == {"kind", "severity", "n", "text", "advice", "names"}
    assert set(results["copies"][0]) == {"kind", "apart", "similarity", "recordings"}
    row = {*COLUMNS, "corpus"}
    assert set(results["copies"][0]["recordings"][0]) == row
    assert set(results["recordings"][0]) == row | {
        *("codec", "sampling_rate", "n_channels", "duration", "level", "clipped"),
        *("leading", "trailing", "silence", "speech", "sha256"),
    }
    assert set(results["corpora"]["ours"]) == {
        *("n_utterances", "n_undecodable", "n_speakers", "seconds", "label", "sex", "language", "test_fold"),
        *("n_speakers_across_folds", "sampling_rate", "n_channels", "codec", "n_clipped"),
        *("duration", "level", "leading", "trailing", "silence", "speech"),
    }


def test_the_page_has_the_tables_and_escapes_what_the_corpus_says(
    report: Path, results: dict[str, Any]
) -> None:
    page = (report / "report.html").read_text()
    assert "<script" not in page
    assert "<b>s5" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    text = re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", "", page.split("</style>")[1])))
    assert HOSTILE.replace('"', "") in text
    assert all(finding["text"] in text for finding in results["findings"])
    for title in ("Problems", "Copies", "Labels", "Corpora", "Duration", "Level", "Not decodable"):
        assert f"<h2>{title}</h2>" in page
    assert text.index("two parts of a published fold") < text.index("under another speaker")
    assert "other-speaker.ogg" in text


def test_a_later_run_measures_only_what_is_new(
    tables: list[Path], report: Path, cache: Path, tmp_path: Path
) -> None:
    kept = sorted(cache.rglob("*.json"))
    first = (report / "report.json").read_bytes()
    measured = {path: path.stat().st_mtime_ns for path in kept if path.parent.name.startswith("recordings-")}
    assert len(measured) == 15  # of 18: one is broken, and two pairs have equal files
    removed = next(iter(measured))
    removed.unlink()
    assert describe(tables, tmp_path, cache, "--speech") == 0
    assert (tmp_path / "report.json").read_bytes() == first
    again = {path: path.stat().st_mtime_ns for path in measured}
    assert {path for path in measured if again[path] != measured[path]} == {removed}


def test_without_the_detector_there_is_no_share_of_speech(
    tables: list[Path], cache: Path, tmp_path: Path
) -> None:
    assert describe(tables[1:], tmp_path, cache) == 0
    results = json.loads((tmp_path / "report.json").read_text())
    assert {one["speech"] for one in results["recordings"]} == {None}
    assert "copies" not in {one["kind"].split("-")[0] for one in results["findings"]}
    assert "<h2>Copies</h2>" not in (tmp_path / "report.html").read_text()


def test_own_labels_are_the_targets(tmp_path: Path) -> None:
    rows = {f"{name}.wav": (encode(voice(n)), f"{name},s{n},,,") for n, name in enumerate(("anger", "irony"))}
    table = write_corpus(tmp_path / "own", rows)
    options = ["--label", "upset=anger", "--label", "playful=irony"]
    assert describe([table], tmp_path / "out", tmp_path / "cache", *options) == 0
    results = json.loads((tmp_path / "out" / "report.json").read_text())
    assert results["targets"] == {"anger": "upset", "irony": "playful"}
    few = next(one for one in results["findings"] if one["kind"] == "few-speakers")
    assert few["names"] == ["upset (1)", "playful (1)"]
    assert "unknown-labels" not in {one["kind"] for one in results["findings"]}


def test_a_corpus_without_decodable_recordings_has_a_report(tmp_path: Path) -> None:
    table = write_corpus(tmp_path / "broken", {"a.wav": (b"", "anger,a,,,"), "b.wav": (b"?", "anger,b,,,")})
    assert describe([table], tmp_path / "out", tmp_path / "cache") == 0
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["undecodable"]) == 2


def test_an_empty_corpus_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "utterances.csv"
    table.write_text("path,emotion,speaker\n")
    assert describe([table], tmp_path / "out", tmp_path / "cache") == 1
    assert "lists no utterance" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
