"""Analysis of an archive into one Parquet file: on this machine or on a cluster, also after interruptions."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.answer_builder import AnswerBuilder
from app.batch.dask import analyze_there
from app.batch.engine import AnalysisOptions
from app.batch.sources import find_sources
from app.calls.analysis import Limits
from app.calls.options import CallOptions
from app.core.bundle import read_bundle
from app.core.channels import ChannelPolicy
from testing import local
from testing.backends import BUCKET, object_store
from testing.clusters import cluster
from testing.recordings import ROOT
from testing.service import descendants, holds_recognizer
from tests.batch.archive import analyze, command, read

Archive = tuple[Path, subprocess.CompletedProcess[str]]
Cluster = tuple[str, list[subprocess.Popen[bytes]]]


def test_each_segment_is_a_row(environment: dict[str, str], archive: Archive) -> None:
    output, completed = archive
    assert completed.returncode == 1
    assert completed.stderr.splitlines()[-1] == "1 of 6 files could not be analyzed"
    table = read(output)
    rows = table.to_pylist()
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    assert len({row["file"] for row in rows}) == 6
    by_name = {Path(row["file"]).name: row for row in rows}
    assert by_name["cut.wav"]["error"].startswith("The recording is cut off")
    assert by_name["cut.wav"]["emotion"] is None
    assert (by_name["silent.wav"]["emotion"], by_name["silent.wav"]["error"]) == (None, None)
    segments = [row for row in rows if row["emotion"]]
    version = read_bundle(Path(environment["SER_MODELS_DIR"]) / "small").manifest.version
    names = table.schema.names
    labels = names[names.index("emotion") + 1 : names.index("loudness")]
    for row in segments:
        assert 0 <= row["start"] < row["end"] <= row["duration"]
        assert sum(row[label] for label in labels) == pytest.approx(1)
        assert row["emotion"] == max(labels, key=lambda label, row=row: row[label])  # type: ignore[misc]
        assert (row["model"], row["model_version"], row["metadata"]) == ("small", version, None)
        assert -60 < row["loudness"] < 0
        assert 60 < row["pitch"] < 500
    assert list(output.parent.iterdir()) == [output]


@pytest.fixture(scope="module")
def dask(environment: dict[str, str]) -> Iterator[Cluster]:
    """A cluster with two workers, of which a test kills one."""
    with cluster(environment) as dask:
        yield dask


def test_every_engine_writes_the_same_rows(
    environment: dict[str, str], folder: Path, archive: Archive, dask: Cluster, tmp_path: Path
) -> None:
    distributed = tmp_path / "there.parquet"
    completed = subprocess.run(
        command(folder, "--output", distributed, "--engine", dask[0]),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 1, completed.stderr
    assert read(archive[0]).equals(read(distributed))
    assert "Traceback" not in completed.stderr


def test_the_page_describes_the_columns_and_its_example_works(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "bulk.md").read_text(encoding="utf-8")
    shutil.copy(archive[0], tmp_path / "2026.parquet")
    schema = read(tmp_path / "2026.parquet").schema
    rows = re.findall(r"^\| (`\w+`.*?) \| (string|double|int32) \|", page, re.MULTILINE)
    described = {name: type_name for names, type_name in rows for name in re.findall(r"`(\w+)`", names)}
    assert described.items() <= {field.name: str(field.type) for field in schema}.items()
    assert {"file", "start", "emotion", "anger", "error"} <= set(described)
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102  # the example of the page
    assert namespace["angry"].schema.names == ["file", "channel", "start", "anger", "error"]


def test_a_machine_with_a_different_bundle_analyzes_nothing(folder: Path, models_dir: Path) -> None:
    limits = Limits(0.1, 60, 60)
    options = AnalysisOptions(
        models_dir / "small",
        limits,
        CallOptions(),
        ChannelPolicy(),
        AnswerBuilder({}),
        files=(("network.onnx", "0"),),
    )
    (source,) = find_sources([str(folder / "03a01Fa.wav")])
    assert "bundle on this cluster machine differs" in analyze_there(source, options)["error"]


@pytest.fixture(scope="module")
def many_recordings(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with enough recordings to interrupt the analysis before it is complete."""
    many = tmp_path_factory.mktemp("many") / "calls"
    shutil.copytree(folder, many)
    for number in range(30):
        shutil.copy(folder / "03a01Fa.wav", many / f"copy-{number:02}.wav")
    return many


@pytest.fixture(scope="module")
def uninterrupted(environment: dict[str, str], many_recordings: Path) -> Path:
    """The Parquet file of these recordings, written without an interruption."""
    path = many_recordings.with_name("uninterrupted.parquet")
    assert analyze(environment, many_recordings, "--output", path).returncode == 1
    return path


def wait_for_the_first_recordings(journal: Path) -> None:
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        time.sleep(0.02)


def test_a_killed_cluster_worker_loses_no_row(
    environment: dict[str, str], many_recordings: Path, uninterrupted: Path, dask: Cluster, tmp_path: Path
) -> None:
    distributed = tmp_path / "there.parquet"
    address, (_, worker, _) = dask
    program = command(many_recordings, "--output", distributed, "--engine", address)
    with subprocess.Popen(program, cwd=ROOT, env=environment) as process:
        wait_for_the_first_recordings(distributed.with_name(".there.parquet.journal"))
        worker.kill()
        assert process.wait() == 1
    assert read(uninterrupted).equals(read(distributed))


def test_a_killed_scheduler_loses_no_completed_recording(
    environment: dict[str, str],
    many_recordings: Path,
    uninterrupted: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "archive.parquet"
    journal = output.with_name(".archive.parquet.journal")
    with cluster(environment, n_workers=1) as (address, (scheduler, _)):
        program = command(many_recordings, "--output", output, "--engine", address)
        with subprocess.Popen(program, cwd=ROOT, env=environment) as process:
            wait_for_the_first_recordings(journal)
            scheduler.kill()
            assert process.wait() == 2
    errors = capfd.readouterr().err
    assert "--engine: the connection to the scheduler is lost" in errors
    assert "Traceback" not in errors
    assert journal.read_bytes().count(b"\n") >= 3
    assert analyze(environment, many_recordings, "--output", output).returncode == 1
    assert read(output).equals(read(uninterrupted))


def test_a_killed_local_worker_loses_no_row(
    environment: dict[str, str], many_recordings: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    output = tmp_path / "archive.parquet"
    with subprocess.Popen(command(many_recordings, "--output", output), cwd=ROOT, env=environment) as process:
        wait_for_the_first_recordings(output.with_name(".archive.parquet.journal"))
        os.kill(next(pid for pid in descendants(process.pid) if holds_recognizer(pid)), signal.SIGKILL)
        assert process.wait() == 1
    assert read(output).equals(read(uninterrupted))


def test_an_interrupted_analysis_resumes(
    environment: dict[str, str], many_recordings: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(many_recordings, tmp_path / "calls")
    output = tmp_path / "archive.parquet"
    journal = output.with_name(".archive.parquet.journal")
    with subprocess.Popen(command(folder, "--output", output), cwd=ROOT, env=environment) as process:
        while not journal.exists() or journal.read_bytes().count(b"\n") < 5:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    n_completed = journal.read_bytes().count(b"\n")
    assert 5 <= n_completed < 36
    assert not output.exists()
    with journal.open("ab") as file:
        file.write(b'\0\0\n{"key": "cut off')
    completed_lines = journal.read_bytes().splitlines()[:n_completed]
    changed = folder / "copy-29.wav"
    changed.write_bytes((folder / "silent.wav").read_bytes())  # the recording changes between the runs
    with subprocess.Popen(command(folder, "--output", output), cwd=ROOT, env=environment) as process:
        while journal.exists() and journal.read_bytes().count(b"\n") < n_completed + 1:
            time.sleep(0.02)
        if journal.exists():
            # No recording is analyzed twice.
            assert journal.read_bytes().splitlines()[:n_completed] == completed_lines
        assert process.wait() == 1
    rows = read(output).to_pylist()
    assert len({row["file"] for row in rows}) == 36
    assert len({(row["file"], row["channel"], row["start"]) for row in rows}) == len(rows)
    assert next(row["emotion"] for row in rows if row["file"] == str(changed)) is None
    repeated = analyze(environment, folder, "--output", output)
    assert (repeated.returncode, "already exists" in repeated.stderr) == (2, True)


def test_a_bucket_gives_the_same_rows_as_a_folder(
    environment: dict[str, str], folder: Path, archive: Archive, tmp_path: Path
) -> None:
    from_bucket = tmp_path / "there.parquet"
    with object_store() as store:
        for path in folder.rglob("*.*"):
            key = f"{BUCKET}/2026/{path.relative_to(folder)}"
            local.put(f"{store['AWS_ENDPOINT_URL']}/{key}", content=path.read_bytes()).raise_for_status()
        completed = analyze({**environment, **store}, f"s3://{BUCKET}/2026", "--output", from_bucket)
        assert completed.returncode == 1, completed.stderr
    rows = [read(path).drop_columns(["file"]).to_pylist() for path in (archive[0], from_bucket)]
    assert sorted(map(str, rows[0])) == sorted(map(str, rows[1]))
    names = {row["file"] for row in read(from_bucket).to_pylist()}
    assert f"s3://{BUCKET}/2026/below/stereo.WAV" in names
    assert len(names) == 6


def test_globs_and_lists_select_recordings(environment: dict[str, str], folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / '03a01Nc.wav'}\n\n{folder / 'nowhere.wav'}\n")
    output = tmp_path / "archive.parquet"
    completed = analyze(environment, f"{folder}/**/s*.[wW]*", "--list", listed, "--output", output)
    assert completed.returncode == 1
    assert "nowhere.wav: No such file" in completed.stderr
    names = [Path(row["file"]).name for row in read(output).to_pylist()]
    assert set(names) == {"stereo.WAV", "silent.wav", "03a01Nc.wav", "nowhere.wav"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{folder}", "--output", "x.parquet", "--engine", "tcp://127.0.0.1:1"], "no Dask scheduler answers"),
        (["{folder}/*.mp3", "--output", "x.parquet"], "there is no recording"),
        (["{folder}"], "needs --output"),
        (["--output", "x.parquet"], "name recordings"),
    ],
)
def test_an_invalid_command_exits_with_the_reason(
    environment: dict[str, str],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.setattr("app.cluster.ANSWER_WITHIN", "0.5s")
    texts = [
        text.format(folder=folder).replace("x.parquet", str(tmp_path / "x.parquet")) for text in arguments
    ]
    completed = analyze(environment, *texts)
    assert completed.returncode == 2
    assert reason in completed.stderr
    assert "Traceback" not in completed.stderr
