"""The command `python -m app analyze`, run in this process, and once in its own as a pipeline runs it."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile
from fastapi.testclient import TestClient

from app.batch.arguments import parse
from app.batch.metadata import read_metadata
from app.core.audio import decode
from app.reports.text import clock
from testing.commands import run_here
from testing.recordings import EXAMPLE, ROOT, encode, two_voices


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two complete recordings and a truncated recording."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "one.wav").write_bytes(EXAMPLE.read_bytes())
    (folder / "silent.wav").write_bytes(encode(np.zeros((16_000, 2), np.float32)))
    (folder / "cut.wav").write_bytes(EXAMPLE.read_bytes()[:20_000])
    return folder


def analyze(models_dir: Path, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    own = {"SER_MODELS_DIR": str(models_dir), "SER_DEFAULT_MODEL": "small", "SER_WORKERS": "2", **settings}
    return run_here(own, "analyze", *arguments)


def test_the_json_lines_equal_the_answers_of_the_service(
    models_dir: Path, folder: Path, client: TestClient
) -> None:
    completed = analyze(models_dir, folder / "one.wav", folder / "silent.wav")
    assert completed.returncode == 0, completed.stderr
    answers = {answer.pop("file"): answer for answer in map(json.loads, completed.stdout.splitlines())}
    assert set(answers) == {str(folder / "one.wav"), str(folder / "silent.wav")}
    for name, answer in answers.items():
        data = Path(name).read_bytes()
        served = client.post("/v1/audio/timeline", content=data, headers={"Content-Type": "audio/wav"})
        assert answer == served.json()


def test_metadata_and_minimum_confidence_are_those_of_the_service(
    models_dir: Path, folder: Path, tmp_path: Path, client: TestClient
) -> None:
    metadata = tmp_path / "metadata.csv"
    metadata.write_text("\ufefffile,call\r\none.wav,4711\r\n", encoding="utf-8")
    completed = analyze(models_dir, folder / "one.wav", "--min-confidence", "1", "--metadata", metadata)
    answer = json.loads(completed.stdout)
    del answer["file"]
    served = client.post(
        "/v1/audio/timeline?min_confidence=1",
        content=EXAMPLE.read_bytes(),
        headers={"Content-Type": "audio/wav", "Metadata": '{"call": "4711"}'},
    )
    assert answer == served.json()
    assert analyze(models_dir, folder / "one.wav", SER_MIN_CONFIDENCE="1").stdout != completed.stdout
    as_csv = analyze(models_dir, folder / "one.wav", "--format", "csv", SER_MIN_CONFIDENCE="1").stdout
    assert [row["emotion"] for row in csv.DictReader(io.StringIO(as_csv))] == [""]


def test_html_is_a_page_per_recording_with_the_segments_of_the_service(
    models_dir: Path, folder: Path, tmp_path: Path, client: TestClient
) -> None:
    metadata = tmp_path / "metadata.csv"
    metadata.write_text("file,queue\none.wav,<sales>\n")
    inputs: list[str | Path] = [folder / "one.wav", folder / "silent.wav", "--metadata", metadata]
    completed = analyze(models_dir, *inputs, "--format", "html", "--output", tmp_path / "pages")
    assert completed.returncode == 0, completed.stderr
    pages = {path.name: path.read_text() for path in (tmp_path / "pages").iterdir()}
    assert set(pages) == {"one.html", "silent.html"}
    assert "The recording has no speech." in pages["silent.html"]
    assert "&lt;sales&gt;" in pages["one.html"]
    served = client.post(
        "/v1/audio/timeline", content=EXAMPLE.read_bytes(), headers={"Content-Type": "audio/wav"}
    ).json()
    segments = [segment for channel in served["channels"] for segment in channel["segments"]]
    assert segments
    assert pages["one.html"].count('class="segment"') == len(segments)
    assert all(clock(segment["start"], 1) in pages["one.html"] for segment in segments)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("call,file\n1,one.wav\n", "the first column must be `file`"),
        ("file,call,call\none.wav,1,2\n", "the first column must be `file`"),
        ("", "the first column must be `file`"),
        (f"file,call\none.wav,{'1' * 200_000}\n", "not a CSV file in UTF-8: field larger than"),
        ("file,call\none.wav,1\none.wav,2\n", "line 3: `file` is repeated"),
        ("file,call\n,1\n", "line 2: `file` is empty"),
        ("file,call\none.wav,1,2\n", "line 2: the row has more cells"),
        ("file,the call\none.wav,1\n", "line 2: each key must have 1 to 40 characters"),
        (f"file,call\none.wav,{'1' * 257}\n", "line 2: each value must be a string of at most 256"),
    ],
)
def test_wrong_metadata_names_its_line(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=reason):
        read_metadata(path)


def test_a_bad_file_is_reported_and_does_not_stop_the_analysis(models_dir: Path, folder: Path) -> None:
    names = ["nowhere.wav", "cut.wav", "one.wav"]
    inputs = [str(folder / name) for name in names]
    completed = subprocess.run(
        [sys.executable, "-m", "app", "analyze", *inputs, "--format", "csv"],
        cwd=ROOT,
        env={**os.environ, "SER_MODELS_DIR": str(models_dir), "SER_DEFAULT_MODEL": "small"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 1
    rows = list(csv.DictReader(io.StringIO(completed.stdout)))
    assert {row["file"] for row in rows} == {str(folder / "one.wav")}
    assert all(float(row["start"]) < float(row["end"]) for row in rows)
    assert sum(float(rows[0][label]) for label in list(rows[0])[7:]) == pytest.approx(1)
    assert "nowhere.wav: No such file" in completed.stderr
    assert "cut.wav: The recording is cut off" in completed.stderr
    assert completed.stderr.splitlines()[-1] == "2 of 3 files could not be analyzed"


def test_praat_can_open_the_textgrids(models_dir: Path, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "grids"
    completed = analyze(models_dir, *folder.glob("*.wav"), "--format", "textgrid", "--output", output)
    assert completed.returncode == 1  # because of cut.wav
    assert sorted(path.name for path in output.iterdir()) == ["one.TextGrid", "silent.TextGrid"]
    grid = parselmouth.TextGrid.read(str(output / "one.TextGrid"))
    assert parselmouth.praat.call(grid, "Get number of tiers") == 1
    assert grid.xmax == pytest.approx(3.189625, abs=1e-3)
    texts = [
        parselmouth.praat.call(grid, "Get label of interval", 1, number + 1)
        for number in range(int(parselmouth.praat.call(grid, "Get number of intervals", 1)))
    ]
    assert len([text for text in texts if text]) == 1
    silent = parselmouth.TextGrid.read(str(output / "silent.TextGrid"))
    assert parselmouth.praat.call(silent, "Get number of tiers") == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "nobody"], "holds no bundle 'nobody'"),
        (["--format", "textgrid"], "needs --output"),
        (["--format", "html"], "--format html needs --output"),
        (["--channels", "0,x"], "--channels"),
        (["--min-confidence", "2"], "expected a probability from 0 to 1"),
        (["--metadata", "nowhere.csv"], "nowhere.csv"),
        ([EXAMPLE.with_name("one.flac"), "--output", "out"], "several recordings share the name one"),
        (["--channels", "0"], "Channel 0 must not be analyzed here. Permitted: 1."),
    ],
)
def test_an_invalid_command_exits_before_the_analysis(
    models_dir: Path, folder: Path, arguments: list[str | Path], reason: str
) -> None:
    completed = analyze(models_dir, folder / "one.wav", *arguments, SER_CHANNELS="1")
    assert (completed.returncode, completed.stdout) == (2, "")
    assert reason in completed.stderr
    assert "Traceback" not in completed.stderr


def test_the_command_needs_no_web_framework() -> None:
    code = "import sys, app.batch.command; print(*{'fastapi', 'starlette'} & set(sys.modules))"
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == []


def test_the_speakers_of_a_recording_have_rows_and_tiers_of_their_own(
    models_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mono.wav"
    path.write_bytes(encode(two_voices()))
    options = (path, "--speakers", "2", "--roles", "agent,customer")
    rows = list(csv.DictReader(io.StringIO(analyze(models_dir, *options, "--format", "csv").stdout)))
    assert {(row["speaker"], row["role"]) for row in rows} == {("0", "agent"), ("1", "customer")}
    assert analyze(models_dir, *options, "--format", "textgrid", "--output", tmp_path / "out").returncode == 0
    (grid,) = (tmp_path / "out").rglob("*.TextGrid")
    assert "channel 0 speaker 1" in grid.read_text()
    assert "expected 1 to 4, or auto" in analyze(models_dir, path, "--speakers", "5").stderr


def test_headerless_audio_has_the_rows_of_its_wav_file(models_dir: Path, tmp_path: Path) -> None:
    samples = decode(EXAMPLE.read_bytes()).samples.T
    for name, form in (("one.wav", "WAV"), ("one.ulaw", "RAW")):
        soundfile.write(tmp_path / name, samples, 16_000, "ULAW", format=form)
    (expected,) = map(json.loads, analyze(models_dir, tmp_path / "one.wav").stdout.splitlines())
    described = ("--encoding", "mulaw", "--sampling-rate", "16000")
    completed = analyze(models_dir, tmp_path, *described)
    (found,) = map(json.loads, completed.stdout.splitlines())
    assert found.pop("file") == str(tmp_path / "one.ulaw")
    assert expected.pop("file") == str(tmp_path / "one.wav")
    assert found == expected
    refused = analyze(models_dir, tmp_path / "one.wav", *described)
    assert (refused.returncode, "header of its own. Omit --encoding" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--sampling-rate", "8000"], "add --encoding"),
        (["--encoding", "mulaw", "--sampling-rate", "1"], "expected 8000 to"),
        (["--encoding", "mulaw", "--channel-count", "0"], "expected 1 to"),
        (["--encoding", "g729"], "invalid choice"),
    ],
)
def test_a_wrong_description_of_headerless_audio_is_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["one.ulaw", *arguments])
    assert end.value.code == 2
    assert reason in capsys.readouterr().err
