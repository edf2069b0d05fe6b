"""`python -m app report`: the figures of an archive that is built by hand, and its errors."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.answers import TimelineAnswer
from app.report_command import report
from testing.recordings import ROOT
from tests.reports import archives

Row = dict[str, str]

HOSTILE = '<img src="x" onerror="alert(1)">.wav'

CALLS: dict[str, TimelineAnswer | str] = {
    # 4 s of anger, 6 s neutral on channel 0, and 10 s neutral on channel 1
    "/a/one.wav": archives.call(
        [(0, 4, 0.9), (4, 10, 0.2)], [(10, 20, 0.1)], alerts=("angry", "angry", "loud")
    ),
    # 10 s of anger
    "/a/two.wav": archives.call([(0, 10, 0.8)], [], alerts=("angry",)),
    # 5 s neutral: too short for the list of calls
    "/b/three.wav": archives.call([(0, 1, 0.9), (1, 5, 0.3)]),
    "/b/silent.wav": archives.call([], []),
    "/b/broken.wav": "the file is truncated",
}
METADATA = {
    "/a/one.wav": {"agent": "a-1", "started": "2026-03-01T23:59:00-08:00", "queue": "sales"},
    "/a/two.wav": {"agent": "a-2", "started": "2026-03-03", "queue": "sales"},
    "/b/three.wav": {"agent": "a-1", "started": "soon"},
    "/b/broken.wav": {"agent": "a-1", "started": "2026-03-03"},
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return archives.write(tmp_path / "calls[1].parquet", CALLS, METADATA)


def run(archive: Path, *arguments: str | Path) -> tuple[list[Row], str]:
    """Return the rows of the table and the page."""
    folder = archive.parent
    outputs = ["--output", str(folder / "out.html"), "--table", str(folder / "out.csv")]
    assert report([str(archive), *outputs, *map(str, arguments)]) == 0
    with (folder / "out.csv").open(newline="") as file:
        return list(csv.DictReader(file)), (folder / "out.html").read_text()


def find(rows: list[Row], kind: str, value: str = "", key: str | None = None) -> Row:
    [found] = [
        row for row in rows if row["kind"] == kind and row["value"] == value and key in {None, row["key"]}
    ]
    return found


def figures(row: Row) -> tuple[int, int, int, int, float, str]:
    numbers = (int(row[name]) for name in ("calls", "failed", "segments", "with_alerts"))
    calls, failed, segments, alerted = numbers
    return calls, failed, segments, alerted, float(row["speech"]), row["anger"][:6]


def test_the_total_counts_calls_and_weighs_segments_by_their_duration(archive: Path) -> None:
    rows, _ = run(archive)
    total = find(rows, "all")
    assert figures(total) == (5, 1, 6, 2, 35.0, str(15 / 35)[:6])
    assert float(total["neutral"]) == pytest.approx(20 / 35)


def test_only_the_chosen_channels_count(archive: Path) -> None:
    rows, page = run(archive, "--channels", "0")
    assert figures(find(rows, "all")) == (5, 1, 5, 2, 25.0, "0.6")
    assert "channel 0" in page


def test_only_the_chosen_roles_count(tmp_path: Path) -> None:
    answer = archives.call([(0, 4, 0.9)], [(4, 10, 0.2)])
    named = [
        channel.model_copy(update={"role": role})
        for channel, role in zip(answer.channels, ("the agent's", "customer"), strict=True)
    ]
    archive = archives.write(
        tmp_path / "r.parquet", {"/r.wav": answer.model_copy(update={"channels": named})}
    )
    rows, page = run(archive, "--roles", "customer")
    assert figures(find(rows, "all")) == (1, 0, 1, 0, 6.0, "0.0")
    assert "channel 1 · customer" in page
    rows, _ = run(archive, "--roles", "the agent's")
    assert figures(find(rows, "all")) == (1, 0, 1, 0, 4.0, "1.0")


def test_days_are_those_of_the_metadata_without_a_conversion_of_the_time_zone(archive: Path) -> None:
    rows, page = run(archive)
    days = [(row["key"], row["value"], row["calls"]) for row in rows if row["kind"] == "day"]
    assert days == [("started", "2026-03-01", "1"), ("started", "2026-03-03", "2"), ("started", "", "2")]
    assert "2 calls have no date" in page
    assert "2026-03-02: no speech" in page


def test_groups_by_agent_begin_with_the_largest_share(archive: Path) -> None:
    rows, _ = run(archive)
    groups = [(row["value"], *figures(row)) for row in rows if (row["kind"], row["key"]) == ("key", "agent")]
    assert groups == [
        ("a-2", 1, 0, 1, 1, 10.0, "1.0"),
        ("a-1", 3, 1, 5, 1, 25.0, "0.2"),
        ("", 1, 0, 0, 0, 0.0, ""),
    ]
    assert {row["value"] for row in rows if row["key"] == "queue"} == {"sales", ""}


def test_a_rule_has_its_calls_with_most_alerts_first(archive: Path) -> None:
    rows, _ = run(archive)
    rules = [(row["value"], row["calls"]) for row in rows if row["kind"] == "rule"]
    assert rules == [("angry", "2"), ("loud", "1")]
    calls = [(row["key"], row["value"]) for row in rows if row["kind"] == "rule call"]
    assert calls == [("angry", "/a/one.wav"), ("angry", "/a/two.wav"), ("loud", "/a/one.wav")]
    rows, _ = run(archive, "--top", "1")
    assert [row["value"] for row in rows if row["kind"] == "rule call"] == ["/a/one.wav"] * 2


def test_the_calls_with_the_most_of_an_emotion_have_enough_speech(archive: Path) -> None:
    rows, _ = run(archive)
    calls = [(row["key"], row["value"], row["anger"]) for row in rows if row["kind"] == "call"]
    assert calls == [("anger", "/a/two.wav", "1.0"), ("anger", "/a/one.wav", "0.2")]
    rows, _ = run(archive, "--emotion", "neutral", "--min-speech", "0")
    calls = [(row["key"], row["value"], row["neutral"]) for row in rows if row["kind"] == "call"]
    assert calls == [("neutral", "/a/one.wav", "0.8"), ("neutral", "/b/three.wav", "0.8")]


def test_a_csv_file_joins_by_path_before_the_name_of_the_file(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "more.csv"
    table.write_text("file,agent,team\none.wav,by-name,north\n/a/one.wav,by-path,\ntwo.wav,,south\n")
    rows, _ = run(archive, "--metadata", table, "--by", "agent", "team")
    assert {row["value"] for row in rows if row["key"] == "agent"} == {"by-path", "a-2", "a-1", ""}
    teams = {row["value"]: row["calls"] for row in rows if row["key"] == "team"}
    assert teams == {"south": "1", "": "4"}


def test_the_parquet_table_equals_the_csv_table(archive: Path, tmp_path: Path) -> None:
    rows, _ = run(archive)
    assert (
        report([str(archive), "--output", str(tmp_path / "p.html"), "--table", str(tmp_path / "p.parquet")])
        == 0
    )
    table = pq.read_table(tmp_path / "p.parquet")
    texts = [
        {key: "" if value is None else str(value) for key, value in row.items()} for row in table.to_pylist()
    ]
    assert texts == rows
    assert table.schema.field("calls").type == pa.int64()


def test_names_and_metadata_cannot_add_markup(tmp_path: Path) -> None:
    calls = {f"/x/{HOSTILE}": archives.call([(0, 20, 0.9)], alerts=("angry",))}
    metadata = {f"/x/{HOSTILE}": {"agent": "</style><script>alert(2)</script>", "date": "2026-01-01"}}
    _, page = run(archives.write(tmp_path / "<b>.parquet", calls, metadata))
    assert not re.search(r"<(script|img|b\.parquet)", page)
    assert page.count("</style>") == 1
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page
    assert "&lt;img src=" in page


def test_the_page_loads_nothing(archive: Path) -> None:
    _, page = run(archive)
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|url\(|@import|https?:", page)


def test_an_archive_without_calls_or_speech_has_a_page(tmp_path: Path) -> None:
    rows, page = run(archives.write(tmp_path / "silent.parquet", {"/s.wav": archives.call([], [])}))
    assert figures(find(rows, "all")) == (1, 0, 0, 0, 0.0, "")
    assert "has no speech" in page
    empty = tmp_path / "empty.parquet"
    pq.write_table(pq.read_table(tmp_path / "silent.parquet").slice(0, 0), empty)
    rows, _ = run(empty)
    assert figures(find(rows, "all")) == (0, 0, 0, 0, 0.0, "")


def test_metadata_that_is_no_object_is_ignored(tmp_path: Path) -> None:
    path = archives.write(tmp_path / "calls.parquet", {"/s.wav": archives.call([(0, 1, 0.9)])})
    table = pq.read_table(path)
    for text in ("nonsense", "[1]", '"agent"'):
        column = pa.array([text], pa.string())
        changed = table.set_column(table.schema.get_field_index("metadata"), "metadata", column)
        pq.write_table(changed, path)
        rows, _ = run(path)
        assert [row["kind"] for row in rows] == ["all"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["{archive}", "--by", "team"],
            r"--by: no call has metadata with the key team. Keys: agent, queue, star",
        ),
        (["{archive}", "--date", "day"], r"--date: no call has metadata with the key day"),
        (["{archive}", "--date", "agent"], r"--date agent: no call has a date there"),
        (["{archive}", "--emotion", "joy"], r"--emotion: joy is unknown. Labels: anger, neutral"),
        (["{archive}", "--table", "x.xlsx"], r"--table: x.xlsx must end in .csv or .parquet"),
        (["{archive}", "--output", "{archive}"], r"must be different files"),
        (["{folder}/none.parquet"], r"none.parquet is not a file"),
        (["{folder}"], r"is not a file"),
        (["{archive}", "--channels", "7"], r"no such speech. Channels: 0, 1. Roles: none."),
        (["{archive}", "--roles", "customer"], r"no such speech. Channels: 0, 1. Roles: none."),
        (["{folder}/text.parquet"], r"text.parquet cannot be read as Parquet: .+ Write it with"),
        (
            ["{folder}/other.parquet"],
            r"is not an archive of this version: it has no column duration, channel, .*",
        ),
        (["{folder}/numbers.parquet"], r"columns of another type: file \(BIGINT\)"),
        (["{archive}", "--metadata", "{folder}/call.csv"], r"the first column must be `file`"),
        (["{archive}", "--metadata", "{folder}/none.csv"], r"none.csv is not a file"),
        (["{archive}", "--metadata", "{archive}"], r"must be different files"),
        (["{archive}", "--metadata", "{folder}/text.parquet"], r"text.parquet is not a CSV file in UTF-8"),
    ],
)
def test_an_error_says_what_to_do_and_writes_nothing(
    archive: Path, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    (tmp_path / "text.parquet").write_bytes(b"no Parquet \xff")
    (tmp_path / "call.csv").write_text("call,agent\n1,2\n")
    table = pq.read_table(archive)
    pq.write_table(table.select(["file"]), tmp_path / "other.parquet")
    pq.write_table(table.set_column(0, "file", pa.array([1] * len(table))), tmp_path / "numbers.parquet")
    before = sorted(tmp_path.iterdir())
    filled = [part.format(archive=archive, folder=tmp_path) for part in arguments]
    completed = subprocess.run(
        [sys.executable, "-m", "app", "report", *filled],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 2
    assert re.search(reason, completed.stderr), completed.stderr
    assert "Traceback" not in completed.stderr
    assert sorted(tmp_path.iterdir()) == before
