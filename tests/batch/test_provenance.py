"""Metadata and undecided segments in a Parquet file."""

import json
from pathlib import Path

from tests.batch.archive import analyze, read


def test_the_metadata_of_a_file_is_in_its_rows(
    environment: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    output, metadata = tmp_path / "archive.parquet", tmp_path / "metadata.csv"
    metadata.write_text(
        "file,agent,queue\n"
        f"{folder / '03a01Fa.wav'},سارا,sales\n"
        "03a01Nc.wav,,billing\n"
        "cut.wav,Ann,\n"
        "elsewhere.wav,Bo,sales\n",
        encoding="utf-8",
    )
    completed = analyze(environment, folder, "--output", output, "--metadata", metadata, "--merge")
    assert "--metadata: 3 of 6 files have no metadata" in completed.stderr
    found = {Path(row["file"]).name: row["metadata"] for row in read(output).to_pylist()}
    parsed = {name: text and json.loads(text) for name, text in found.items()}
    assert parsed == {
        "03a01Fa.wav": {"agent": "سارا", "queue": "sales"},
        "03a01Nc.wav": {"queue": "billing"},
        "cut.wav": {"agent": "Ann"},
        **dict.fromkeys(["03a01Wa.wav", "stereo.WAV", "silent.wav"]),
    }
    assert "سارا" in found["03a01Fa.wav"]


def test_undecided_segments_have_no_emotion(
    environment: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "archive.parquet"
    analyze(environment, folder / "03a01Fa.wav", "--output", output, "--min-confidence", "1")
    (row,) = read(output).to_pylist()
    assert row["emotion"] is None
    assert row["start"] < row["end"]
    assert row["anger"] > 0
