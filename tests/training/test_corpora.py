import subprocess
import sys

import pytest

from testing.recordings import ROOT
from training.__main__ import main
from training.data.corpora import FACTS


def test_the_table_has_a_line_for_each_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpora"]) == 0
    columns, *lines = capsys.readouterr().out.splitlines()
    assert columns.split() == ["name", "languages", "speakers", "utterances", "folds", "terms", "labels"]
    rows = {line.split()[0]: line for line in lines if line.split() and line.split()[0] in FACTS}
    assert set(rows) == set(FACTS)
    assert rows["ravdess"].split()[1:5] == ["en", "24", "1,440", "yes"]
    assert rows["cremad"].split()[1:5] == ["en", "91", "7,442", "no"]
    assert "CC BY-NC-SA 4.0" in rows["nemo"]
    assert "excited" in rows["iemocap"]
    assert "audformat=PATH" in lines[-1]
    assert "csv=PATH" in lines[-1]


def test_the_facts_of_a_corpus_show_its_folder_and_its_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpora", "iemocap"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    facts = FACTS["iemocap"]
    assert [facts.example] in lines
    assert [facts.needs[0]] in lines
    assert ["citation", *facts.citation.split()] in lines
    assert ["source", *facts.source.split()] in lines
    assert ["excited", "happiness"] in lines
    assert ["frustration", "left", "out"] in lines


@pytest.mark.parametrize("name", FACTS)
def test_every_corpus_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpora", name]) == 0
    assert FACTS[name].title in capsys.readouterr().out


def test_an_unknown_corpus_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["corpora", "unheard"])
    assert "invalid choice: 'unheard'" in capsys.readouterr().err


def test_the_table_needs_no_tensorflow() -> None:
    program = (
        "import sys; from training.__main__ import main; main(['corpora']);"
        "sys.exit(len({'tensorflow', 'audformat'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr.strip()) == (0, "")
